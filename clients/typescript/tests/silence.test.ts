/** Connections that stay open while no response comes: they are replaced, and each follower goes on. */

import assert from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';

import { type Accord, type Following, listKey, recordKey } from '@accord/client';

import { Proxy } from './proxy.ts';
import { SERVICE, sent, signedIn, until } from './given.ts';

/** Milliseconds that a response may take. */
const SILENCE_TIMEOUT = 15_000;
/** Milliseconds that one response may take, whatever comes before it. */
const RESPONSE_TIMEOUT = 60_000;
/** Milliseconds between heartbeats on a stream. */
const STREAM_HEARTBEAT = 25_000;
const headers = { 'X-Forwarded-For': '10.254.0.1' };

afterEach(() => mock.timers.reset());

/** Let no time pass but what a test lets pass; the network is as fast as ever. */
function stopTheClock(): void {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
}

/** Wait until it is so. */
async function come(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !isSo(); ) {
    if (Date.now() > end) throw new Error('It did not come about.');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

interface Swallowing {
  type: string;
  /** How many frames it has swallowed. */
  count: number;
}

/** A socket of which something on the way swallows the first frame of a type. */
function swallowed(url: string, swallowing: Swallowing): WebSocket {
  const socket = new WebSocket(url, { headers } as never);
  let take: ((event: MessageEvent) => void) | undefined;
  Object.defineProperty(socket, 'onmessage', { set: (handler: typeof take) => (take = handler) });
  socket.addEventListener('message', (event) => {
    const { type } = JSON.parse(String(event.data)) as { type: string };
    if (type === swallowing.type && swallowing.count === 0) swallowing.count += 1;
    else take?.call(socket, event);
  });
  return socket;
}

function isReady(following: Following): () => boolean {
  let ready = false;
  following.ready.then(
    () => (ready = true),
    () => undefined,
  );
  return () => ready;
}

/** Let the time of a response pass, and then that before the next connection. */
function giveUp(left: number): void {
  mock.timers.tick(left);
  mock.timers.tick(1_000);
}

async function hears(accord: Accord, following: Following): Promise<void> {
  mock.timers.reset();
  await accord.updateMe({ expectedVersion: 1, firstName: 'Augusta' });
  for await (const change of following) if (change.kind === 'updated') return;
}

for (const type of ['authenticated', 'subscribed']) {
  test(`a socket is replaced on which no ${type} comes`, async () => {
    const swallowing = { type, count: 0 };
    let sockets = 0;
    const webSocket = (url: string) => (sockets++ ? new WebSocket(url, { headers } as never) : swallowed(url, swallowing));
    const ada = await signedIn({ webSocket });
    stopTheClock();
    const following = ada.live.follow([recordKey('users', ada.user.id)]);
    const ready = isReady(following);
    await come(() => swallowing.count === 1);

    mock.timers.tick(SILENCE_TIMEOUT - 1);
    assert.deepEqual([ready(), sockets], [false, 1]);
    giveUp(1);
    await come(ready);

    assert.equal(sockets, 2);
    await hears(ada, following);
  });
}

test('followers of a connection that fell silent go on when another asks', async () => {
  const proxy = await Proxy.before(SERVICE);
  const ada = await signedIn({ baseUrl: proxy.url });
  const elsewhere = await signedIn({}, ada.user);
  stopTheClock();
  const first = ada.live.follow([recordKey('users', ada.user.id)]);
  await come(isReady(first));
  proxy.freeze();

  const second = ada.live.follow([listKey(ada.user.id, 'conversations')]);
  giveUp(SILENCE_TIMEOUT);
  await come(isReady(second));
  await hears(elsewhere, first);
  await elsewhere.createConversation({ title: 'Plans' });
  assert.equal((await second.next()).value?.kind, 'created');

  ada.live.close();
  await proxy.down();
});

test('a frame that is none of the service ends the connection, and not the program', async () => {
  const ada = await signedIn();
  const following = ada.live.follow([recordKey('users', ada.user.id)]);
  await following.ready;
  const { sockets } = ada.traffic;

  for (const data of ['<html>', 'null', '[]', '"pong"', '{"type":"welcome"}']) {
    const last = sockets.length;
    sockets.at(-1)!.dispatchEvent(new MessageEvent('message', { data }));
    await until(() => sockets.length === last + 1);
  }

  await hears(ada, following);
});

test('frames that come before a response keep the connection', async () => {
  const proxy = await Proxy.before(SERVICE);
  const ada = await signedIn({ baseUrl: proxy.url });
  const { sockets, frames } = ada.traffic;
  stopTheClock();
  const first = ada.live.follow([recordKey('users', ada.user.id)]);
  await come(isReady(first));
  proxy.freeze();
  const second = ada.live.follow([listKey(ada.user.id, 'conversations')]);
  await come(() => frames.filter(({ type }) => type === 'subscribe').length === 2);

  for (let number = 0; number < 3; number++) {
    mock.timers.tick(SILENCE_TIMEOUT - 1);
    sockets[0]!.dispatchEvent(new MessageEvent('message', { data: '{"type":"pong"}' }));
  }
  assert.equal(sockets[0]!.readyState, WebSocket.OPEN);
  giveUp(SILENCE_TIMEOUT);
  await come(isReady(second));

  assert.equal(sockets.length, 2);
  ada.live.close();
  await proxy.down();
});

/** Hold that a socket is replaced on which one response is lost, although other frames come. */
async function isReplacedWithout(type: string): Promise<void> {
  const swallowing = { type, count: 0 };
  const sockets: WebSocket[] = [];
  const webSocket = (url: string) => {
    sockets.push(sockets.length > 0 ? new WebSocket(url, { headers } as never) : swallowed(url, swallowing));
    return sockets.at(-1)!;
  };
  const ada = await signedIn({ webSocket });
  stopTheClock();
  const following = ada.live.follow([recordKey('users', ada.user.id)]);
  const ready = isReady(following);
  await come(() => swallowing.count === 1);

  for (let passed = 0; passed < RESPONSE_TIMEOUT - 10_000; passed += 10_000) {
    mock.timers.tick(10_000);
    sockets[0]!.dispatchEvent(new MessageEvent('message', { data: '{"type":"pong"}' }));
  }
  mock.timers.tick(9_999);
  assert.deepEqual([ready(), sockets.length], [false, 1]);
  giveUp(1);
  await come(ready);

  assert.equal(sockets.length, 2);
  await hears(ada, following);
}

test('a socket on which a subscription alone gets no response is replaced, although other frames come', () => isReplacedWithout('subscribed'));

test('a socket on which the token alone gets no response is replaced, although other frames come', () => isReplacedWithout('authenticated'));

test('an event stream that falls silent is replaced, and what changed meanwhile comes', async () => {
  const proxy = await Proxy.before(SERVICE);
  const ada = await signedIn({ baseUrl: proxy.url, liveOver: 'stream' });
  const elsewhere = await signedIn({}, ada.user);
  const streams = () => sent(ada.traffic, '/api/v1/changes/stream').length;
  mock.timers.enable({ apis: ['setInterval'] }); // Heartbeats are counted by it, and nothing else is.
  const following = ada.live.follow([recordKey('users', ada.user.id)]);
  await come(isReady(following));
  proxy.freezeStreams();
  await elsewhere.updateMe({ expectedVersion: 1, firstName: 'Augusta' });

  mock.timers.tick(3 * STREAM_HEARTBEAT - 1);
  assert.equal(streams(), 1);
  mock.timers.tick(1);
  await come(() => streams() === 2);

  for await (const change of following) if (change.kind === 'updated') break;
  ada.live.close();
  await proxy.down();
});

test('an event stream on which no response comes is replaced', async () => {
  let streams = 0;
  const silent: typeof fetch = async (request) => {
    const isFirst = (request as Request).url.includes('/changes/stream') && streams++ === 0;
    return isFirst ? new Response(new ReadableStream()) : fetch(request);
  };
  const ada = await signedIn({ fetch: silent, liveOver: 'stream' });
  stopTheClock();
  const following = ada.live.follow([recordKey('users', ada.user.id)]);
  const ready = isReady(following);
  await come(() => streams === 1);
  await new Promise((resolve) => setImmediate(resolve));

  mock.timers.tick(SILENCE_TIMEOUT - 1);
  assert.deepEqual([ready(), streams], [false, 1]);
  giveUp(1);
  await come(ready);

  assert.equal(streams, 2);
  await hears(ada, following);
});
