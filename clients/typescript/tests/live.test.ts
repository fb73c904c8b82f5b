import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';

import { Accord, type Change, type Following, listKey, NotFound, recordKey, type Resync, SignedOut, Unauthorized } from '@accord/client';

import { anAccount, client, later, openTokens, PASSWORD, SERVICE, signedIn, until } from './given.ts';
import { Proxy } from './proxy.ts';

let proxy: Proxy;
before(async () => {
  proxy = await Proxy.before(SERVICE);
});
after(() => proxy.down());

function key(user: { id: string }): string {
  return recordKey('users', user.id);
}

/** That an account is new may still be on its way when it begins to be followed. */
function isRegistration(news: Change | Resync): boolean {
  return news.kind === 'created' && news.key.startsWith('getRecord:users:');
}

/** Collect what comes, and how it ends. */
function collected(following: Following): { items: (Change | Resync)[]; versions: () => number[]; error: () => unknown } {
  const items: (Change | Resync)[] = [];
  let error: unknown;
  void (async () => {
    for await (const change of following) if (!isRegistration(change)) items.push(change);
  })().catch((reason: unknown) => {
    error = reason;
  });
  const versions = () => items.map((item) => (item.kind === 'resync' ? 0 : item.version));
  return { items, versions, error: () => error };
}

async function rename(accord: Accord, from: number, to: number): Promise<void> {
  for (let version = from; version < to; version++) {
    await accord.updateMe({ expectedVersion: version, firstName: `Name ${version}` });
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** A socket that gives an error frame of this code in place of its first `subscribed` frame. */
function unavailableAtFirst(url: string, headers: Record<string, string>, code: string): WebSocket {
  const socket = new WebSocket(url, { headers } as never);
  let take: ((event: MessageEvent) => void) | undefined;
  let isFirst = true;
  Object.defineProperty(socket, 'onmessage', { set: (handler: typeof take) => (take = handler) });
  socket.addEventListener('message', (event) => {
    const { type, key } = JSON.parse(String(event.data)) as { type: string; key?: string };
    if (type !== 'subscribed' || !isFirst) return take?.call(socket, event);
    isFirst = false;
    const data = JSON.stringify({ type: 'error', code, message: 'Try again.', key });
    take?.call(socket, new MessageEvent('message', { data }));
  });
  return socket;
}

test('a key that no worker could check is subscribed again', async () => {
  const headers = { 'X-Forwarded-For': '10.254.0.2' };
  for (const code of ['SERVICE_UNAVAILABLE', 'TIMEOUT']) {
    const ada = await signedIn({ webSocket: (url) => unavailableAtFirst(url, headers, code) });
    const first = collected(ada.live.follow([key(ada.user)]));
    const second = ada.live.follow([key(ada.user)]);
    await second.ready;

    await rename(ada, 1, 2);
    await until(() => first.versions().length === 1);

    assert.deepEqual([first.versions(), first.error()], [[2], undefined]);
    assert.equal((await second.next()).value?.kind, 'updated');
  }
});

for (const liveOver of ['socket', 'stream'] as const) {
  describe(`live updates over a ${liveOver}`, () => {
    test('changes made while the connection is down arrive afterwards: all, once, in order', async () => {
      const ada = await signedIn({ baseUrl: proxy.url, liveOver });
      const elsewhere = await signedIn({}, ada.user);
      const following = ada.live.follow([key(ada.user)]);
      const { versions } = collected(following);
      await following.ready;
      await rename(elsewhere, 1, 3);
      await until(() => versions().length === 2);

      await proxy.down();
      await rename(elsewhere, 3, 8);
      await proxy.up();
      await rename(elsewhere, 8, 9);

      await until(() => versions().length >= 8, 'the resume');
      await later(200);
      assert.deepEqual(versions(), range(2, 9));
      ada.live.close();
    });

    test('cuts while changes are made lose nothing and double nothing', async () => {
      const ada = await signedIn({ baseUrl: proxy.url, liveOver });
      const elsewhere = await signedIn({}, ada.user);
      const following = ada.live.follow([key(ada.user)]);
      const { versions } = collected(following);
      await following.ready;

      const writing = rename(elsewhere, 1, 60);
      for (const _ of range(1, 4)) {
        await later(60);
        proxy.cut();
      }
      await writing;

      await until(() => versions().length >= 59, 'the end');
      await later(200);
      assert.deepEqual(versions(), range(2, 60));
      ada.live.close();
    });

    test('two followers of one key get the same, and one leaves without the other', async () => {
      const ada = await signedIn({ liveOver });
      const first = ada.live.follow([key(ada.user)]);
      await first.ready;
      const second = ada.live.follow([key(ada.user)]);
      await second.ready;
      const [ofFirst, ofSecond] = [collected(first), collected(second)];

      await rename(ada, 1, 3);
      await until(() => ofFirst.versions().length === 2 && ofSecond.versions().length === 2);
      await first.return();
      await rename(ada, 3, 4);

      await until(() => ofSecond.versions().length === 3);
      assert.deepEqual(ofFirst.versions(), [2, 3]);
      assert.deepEqual(ofSecond.versions(), [2, 3, 4]);
      ada.live.close();
    });

    test('a key that is followed later, from further back, gets what it missed, and the others nothing twice', async () => {
      const ada = await signedIn({ liveOver });
      const { cursor } = await ada.listChanges({ keys: key(ada.user) });
      const first = ada.live.follow([key(ada.user)]);
      const ofFirst = collected(first);
      await first.ready;
      await rename(ada, 1, 4);
      await until(() => ofFirst.versions().length === 3);

      const ofSecond = collected(ada.live.follow([key(ada.user)], { after: cursor }));
      const conversation = await ada.createConversation({ title: 'Plans' });
      const third = ada.live.follow([recordKey('conversations', conversation.id), listKey(conversation.id, 'messages')]);
      const ofThird = collected(third);
      await third.ready;
      await ada.createMessage({ conversationId: conversation.id, text: 'Hello' });
      await ada.updateConversation({ conversationId: conversation.id, expectedVersion: 1, title: 'Better plans' });
      await rename(ada, 4, 5);

      await until(() => ofSecond.versions().length >= 4 && ofFirst.versions().length >= 4);
      await until(() => ofThird.items.at(-1)?.kind === 'updated');
      await later(100);
      assert.deepEqual(ofFirst.versions(), [2, 3, 4, 5]);
      assert.deepEqual(ofSecond.versions(), [2, 3, 4, 5]);
      // The beginning of the conversation may have come before them, if it was on its way.
      assert.deepEqual(ofThird.items.slice(-2).map(({ kind }) => kind), ['created', 'updated']);
      ada.live.close();
    });

    test('a position that is not known is told, and changes follow', async () => {
      const ada = await signedIn({ liveOver });
      const following = ada.live.follow([key(ada.user)], { after: `${Number.MAX_SAFE_INTEGER}.00000000` });
      const { items } = collected(following);
      await following.ready;

      await rename(ada, 1, 2);

      await until(() => items.length === 2);
      assert.deepEqual(items.map((item) => item.kind), ['resync', 'updated']);
      ada.live.close();
    });

    test('a key of somebody else is refused, and the others go on', async () => {
      const ada = await signedIn({ liveOver });
      const own = ada.live.follow([key(ada.user)]);
      const ofOwn = collected(own);
      const foreign = ada.live.follow([key(await anAccount())]);

      await assert.rejects(foreign.ready, NotFound);
      await assert.rejects(foreign.next(), NotFound);
      await own.ready;
      await rename(ada, 1, 2);
      await until(() => ofOwn.versions().length === 1);
      ada.live.close();
    });

    test('a follower that loses access is told', async () => {
      const ada = await signedIn();
      const bob = await signedIn({ liveOver });
      const { id } = await ada.createConversation({ title: 'Plans', memberIds: [bob.user.id] });
      const following = bob.live.follow([recordKey('conversations', id)]);
      const ofBob = collected(following);
      await following.ready;

      await ada.removeMember({ conversationId: id, userId: bob.user.id, expectedVersion: 1 });

      await until(() => ofBob.error() !== undefined);
      assert.ok(ofBob.error() instanceof NotFound);
    });

    test('when the session ends, so does what was followed', async () => {
      const ada = await signedIn({ liveOver });
      const following = ada.live.follow([key(ada.user)]);
      const ofAda = collected(following);
      await following.ready;

      await (await signedIn({}, ada.user)).logoutAll();

      await until(() => ofAda.error() !== undefined);
      assert.ok(ofAda.error() instanceof SignedOut);
    });

    test('a reconnect signs in with the newest token', async () => {
      const tokens = openTokens();
      const ada = await signedIn({ liveOver, tokens });
      const following = ada.live.follow([key(ada.user)]);
      const { versions } = collected(following);
      await following.ready;

      tokens.change({ accessToken: 'not.a.token' });
      ada.live.disconnect();
      await rename(await signedIn({}, ada.user), 1, 2);

      await until(() => versions().length === 1);
      ada.live.close();
    });

    test('a signal ends it, with its reason', async () => {
      const ada = await signedIn({ liveOver });
      const controller = new AbortController();
      const following = ada.live.follow([key(ada.user)], { signal: controller.signal });
      const ofAda = collected(following);
      await following.ready;

      controller.abort();

      await until(() => ofAda.error() !== undefined);
      assert.equal((ofAda.error() as Error).name, 'AbortError');
      assert.deepEqual(ofAda.items, []);
    });

    test('following needs a session', async () => {
      const following = client({ liveOver }).live.follow([key({ id: '01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f' })]);

      await assert.rejects(following.ready, Unauthorized);
    });
  });
}

test('all followers of a key share a socket and a subscription, which close with the last of them', async () => {
  const ada = await signedIn();
  const followings = [1, 2, 3].map(() => ada.live.follow([key(ada.user)]));
  await Promise.all(followings.map((each) => each.ready));

  for (const each of followings) await each.return();

  const { sockets } = ada.traffic;
  assert.equal(sockets.length, 1);
  await until(() => sockets[0]!.readyState === WebSocket.CLOSED);
});

test('subscriptions on the wire are counted', async () => {
  const ada = await signedIn();
  const first = ada.live.follow([key(ada.user)]);
  const second = ada.live.follow([key(ada.user)]);
  const other = ada.live.follow([listKey(ada.user.id, 'conversations')]);
  await Promise.all([first.ready, second.ready, other.ready]);

  await first.return();
  assert.deepEqual(ada.traffic.frames.map((frame) => frame.type), ['authenticate', 'subscribe', 'subscribe']);
  await second.return();
  assert.deepEqual(ada.traffic.frames.at(-1), { type: 'unsubscribe', key: key(ada.user) });
  ada.live.close();
});

test('a connection stays signed in when its token is about to expire', async () => {
  const tokens = openTokens();
  const ada = await signedIn({ tokens });
  const following = ada.live.follow([key(ada.user)]);
  await following.ready;
  const expiring = { type: 'authenticated', userId: ada.user.id, expiresAt: new Date(Date.now() + 1500).toISOString() };
  tokens.change({ expiresAt: Date.now() + 1500 });
  const before = tokens.now().accessToken;

  ada.traffic.sockets[0]!.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(expiring) }));

  await until(() => ada.traffic.frames.filter((frame) => frame.type === 'authenticate').length === 2);
  assert.notEqual(tokens.now().accessToken, before);
  ada.live.close();
});

test('without a WebSocket, as on Node 20, the same comes over the event stream', async () => {
  const { WebSocket: kept } = globalThis;
  const ada = await signedIn();
  Reflect.deleteProperty(globalThis, 'WebSocket');
  const old = new Accord({ baseUrl: SERVICE, headers: { 'X-Forwarded-For': '10.255.0.1' } });
  globalThis.WebSocket = kept;
  await old.signIn({ email: ada.user.email, password: PASSWORD });
  const following = old.live.follow([recordKey('users', ada.user.id)]);
  await following.ready;

  await rename(ada, 1, 2);

  const { versions } = collected(following);
  await until(() => versions().length > 0);
  assert.deepEqual(versions(), [2]);
  old.live.close();
});

test('several may wait for what comes next, and each gets another', async () => {
  const ada = await signedIn();
  const following = ada.live.follow([key(ada.user)]);
  await following.ready;
  await rename(ada, 1, 2);
  for (let kind; kind !== 'updated'; ) kind = (await following.next()).value?.kind;

  const waiting = [following.next(), following.next(), following.next()];
  await rename(ada, 2, 4);
  await Promise.all(waiting.slice(0, 2));
  await following.return();

  const came = await Promise.all(waiting);
  assert.deepEqual(came.map(({ value }) => (value?.kind === 'updated' ? value.version : value)), [3, 4, undefined]);
});

test('a connection that says nothing is given up', { timeout: 120_000 }, async () => {
  const silent = createServer((socket) => void socket.on('error', () => undefined)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  let tries = 0;
  const ada = await signedIn({ webSocket: (url) => new WebSocket(tries++ ? url : `ws://127.0.0.1:${port}/`) });
  const following = ada.live.follow([key(ada.user)]);

  await following.ready;

  assert.equal(tries, 2);
  ada.live.close();
  silent.close();
});
