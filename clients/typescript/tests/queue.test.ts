/** What ends a transaction that waits, and a followed list after its history became another one: with the real service. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { AccordError, type CacheEvent, listKey, type RecordOperation } from '@accord/client';

import { PASSWORD, signedIn, until } from './given.ts';

const renamed = (id: string, value: string): RecordOperation => ({ op: 'set', table: 'conversations', id, path: 'title', value });

test('only the word of the service ends what waits: no proxy, and no session that is over', async () => {
  const page = '<html>Sign in to this network</html>';
  const statuses = [502, 403, 404, 200];
  let tried = 0;
  let isBehindProxy = true;
  const response: typeof fetch = async (request) => {
    const isInstead = isBehindProxy && (request as Request).url.endsWith('/transactions');
    return isInstead ? new Response(page, { status: statuses[tried++ % statuses.length]! }) : fetch(request);
  };
  const ada = await signedIn({ retries: 0, fetch: response });
  const elsewhere = await signedIn({}, ada.user);
  const [plans, gone] = [await ada.createConversation({ title: 'Plans' }), await ada.createConversation({ title: 'Gone' })];
  const cache = ada.cache();
  const refused: unknown[] = [];
  cache.listen((event) => event.type === 'refused' && refused.push(event.error));
  await cache.load([plans, gone].map(({ id }) => ({ table: 'conversations', id })));

  assert.equal(await cache.transact([renamed(gone.id, 'Late')]), 'queued');
  assert.equal(await cache.transact([renamed(plans.id, 'Better')]), 'queued');
  while (tried < statuses.length) await cache.flush();
  assert.deepEqual([cache.pending, refused], [2, []]);
  await elsewhere.deleteConversation({ conversationId: gone.id, expectedVersion: 1 });
  await elsewhere.logoutAll();
  isBehindProxy = false;
  await cache.flush();
  assert.deepEqual([cache.pending, refused], [2, []]);
  await ada.signIn({ email: ada.user.email, password: PASSWORD });
  await cache.flush();

  assert.equal(cache.pending, 0);
  assert.deepEqual(refused.map((error) => error instanceof AccordError && error.requestId !== '' && error.status), [404]);
  assert.equal((await ada.getConversation({ conversationId: plans.id })).title, 'Better');
});

test('a followed list whose history became another one is read again, whatever versions were held', async () => {
  let isRestored = false;
  const webSocket = (url: string) => {
    const socket = new WebSocket(url);
    const send = socket.send.bind(socket);
    // As after a restored backup, the service does not know the history that the cursor is of.
    socket.send = (text) => send(isRestored ? String(text).replace(/("after":"\d+)\.\w+/, '$1.00000000') : text);
    return socket;
  };
  const ada = await signedIn({ webSocket });
  const plans = await ada.createConversation({ title: 'Plans' });
  const cache = ada.cache();
  const events: CacheEvent[] = [];
  cache.listen((event) => events.push(event));
  const key = listKey(ada.user.id, 'conversations');
  await cache.followList(key).ready;
  cache.put('conversations', { ...plans, title: 'Never was', version: 9 });

  isRestored = true;
  ada.live.disconnect();
  await until(() => events.some((event) => event.type === 'resync' && event.key === key));

  assert.deepEqual(cache.get('conversations', plans.id), await ada.getConversation({ conversationId: plans.id }));
  ada.live.close();
});
