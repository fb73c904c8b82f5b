/** What listeners do never changes what the queue and the cache do: they are called between two steps. */

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { type Conversation, type Outcome, type RecordOperation, ValidationFailed } from '@accord/client';

import { sent, signedIn, until } from './given.ts';

const at = ({ id }: { id: string }) => ({ table: 'conversations', id }) as const;
const title = (plans: Conversation, value: string): RecordOperation => ({ op: 'set', ...at(plans), path: 'title', value });

async function withPlans() {
  const ada = await signedIn({ retries: 0 });
  const plans = await ada.createConversation({ title: 'Plans', tags: ['a'] });
  const cache = ada.cache();
  await cache.load([at(plans)]);
  const onServer = () => ada.getConversation({ conversationId: plans.id });
  return { ada, plans, cache, shown: () => cache.get('conversations', plans.id), onServer };
}

for (const [how, fail] of [
  ['throws', () => { throw new Error('a mistake'); }],
  ['rejects', () => Promise.reject(new Error('a mistake'))],
] as const) {
  test(`a listener that ${how} is reported, and the queue goes on`, async () => {
    const reported = mock.method(console, 'error', () => undefined);
    const { plans, cache, shown, onServer } = await withPlans();
    const told: string[] = [];
    cache.listen(() => void fail().catch?.(() => told.push('waits for nobody')));
    cache.listen(fail);
    cache.listen((event) => told.push(event.type));

    const outcomes = await Promise.allSettled([title(plans, 'One'), title(plans, ''), title(plans, 'Three')].map((each) => cache.transact([each])));

    assert.deepEqual(outcomes.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled']);
    assert.ok(told.includes('changed') && told.includes('refused'));
    assert.deepEqual([shown()?.title, cache.pending], ['Three', 0]);
    assert.deepEqual(shown(), await onServer());
    assert.ok(reported.mock.callCount() > 0);
    reported.mock.restore();
  });
}

test('a listener that ends itself or another is called no more', async () => {
  const { plans, cache } = await withPlans();
  const told: string[] = [];
  const ends: (() => void)[] = [];
  ends.push(cache.listen(() => {
    told.push('first');
    for (const end of ends) end();
  }));
  ends.push(cache.listen(() => told.push('second')));
  cache.listen(() => told.push('third'));

  await cache.transact([title(plans, 'Better')]);

  assert.equal(told.filter((each) => each === 'first').length, 1);
  assert.ok(!told.includes('second') && told.includes('third'));
});

test('a listener that begins the next change, flushes and undoes does not disturb the order', async () => {
  const { ada, plans, cache, shown, onServer } = await withPlans();
  const begun: Promise<Outcome | undefined>[] = [];
  cache.listen((event) => {
    void cache.flush();
    if (event.type === 'refused') begun.push(cache.undo());
    else if (begun.length < 3) begun.push(cache.transact([title(plans, `Begun by a listener ${begun.length}`)]));
  });

  const outcomes = await Promise.allSettled([cache.transact([title(plans, 'One')]), cache.transact([title(plans, '')])]);
  await until(() => begun.length >= 4 && cache.pending === 0);

  assert.deepEqual(outcomes.map(({ status }) => status), ['fulfilled', 'rejected']);
  assert.deepEqual(await Promise.all(begun), ['made', 'made', 'made', 'made']);
  assert.deepEqual(shown(), await onServer());
  const ids = sent(ada.traffic, '/api/v1/transactions').map((request) => request.json() as Promise<{ transactionId: string }>);
  assert.equal(new Set((await Promise.all(ids)).map(({ transactionId }) => transactionId)).size, ids.length);
});

test('a listener of a refused transaction finds everything rolled back that was built on it', async () => {
  const { plans, cache } = await withPlans();
  const id = crypto.randomUUID();
  const pending: number[] = [];
  cache.listen((event) => void (event.type === 'refused' && pending.push(cache.pending)));

  const outcomes = await Promise.allSettled([
    cache.transact([{ op: 'create', table: 'messages', id, record: { conversationId: plans.id, text: '' } }]),
    cache.transact([{ op: 'set', table: 'messages', id, path: 'text', value: 'Built on it' }]),
  ]);

  for (const outcome of outcomes) assert.ok(outcome.status === 'rejected' && outcome.reason instanceof ValidationFailed);
  assert.deepEqual(pending, [0, 0]);
});

test('a cache that a listener closes sends no more, and every promise settles', async () => {
  const { ada, plans, cache } = await withPlans();
  const before = sent(ada.traffic, '/api/v1/transactions').length;
  let isFirst = true;
  cache.listen(() => {
    if (!isFirst) cache.close();
    isFirst = false;
  });

  const outcomes = await Promise.allSettled(['One', 'Two', 'Three'].map((value) => cache.transact([title(plans, value)])));
  await ada.getMe();

  assert.equal(outcomes.length, 3);
  assert.ok(sent(ada.traffic, '/api/v1/transactions').length - before <= 1);
});

test('records and operations behind a Proxy, as Vue and MobX have them, are taken as they are', async () => {
  const { plans, cache, shown, onServer } = await withPlans();
  const message = new Proxy({ conversationId: plans.id, text: 'Hello' }, {});
  const operations: RecordOperation[] = [
    new Proxy({ op: 'create', table: 'messages', id: crypto.randomUUID(), record: message }, {}),
    new Proxy(title(plans, 'Better'), {}),
  ];

  assert.equal(await cache.transact(new Proxy(operations, {})), 'made');
  assert.deepEqual([shown()?.title, shown()], ['Better', await onServer()]);
  cache.put('conversations', new Proxy({ ...(await onServer()), tags: new Proxy(['d'], {}), version: 9 }, {}));

  assert.deepEqual([shown()?.version, shown()?.tags], [9, ['d']]);
});

test('changing a returned record or passed operations does not change the cache', async () => {
  const { plans, cache, shown, onServer } = await withPlans();
  const operation = { op: 'listInsert', ...at(plans), path: 'tags', value: 'b', where: 'end' } as const;
  const operations: RecordOperation[] = [{ ...operation }];

  const made = cache.transact(operations);
  (operations[0] as { value: string }).value = 'too late';
  operations.push(title(plans, 'Too late'));
  assert.throws(() => shown()!.tags.push('not so'), TypeError);
  await made;

  assert.deepEqual([shown()?.title, shown()?.tags], ['Plans', ['a', 'b']]);
  assert.deepEqual(shown(), await onServer());
  const read = { ...(await onServer()), version: 9 };
  cache.put('conversations', read);
  read.tags.push('not so');
  assert.deepEqual(shown()?.tags, ['a', 'b']);
});
