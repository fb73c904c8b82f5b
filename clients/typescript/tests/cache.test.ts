import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { type CacheEvent, type Conversation, NotFound, type RecordOperation, ValidationFailed, VersionConflict } from '@accord/client';

import { later, SERVICE, sent, signedIn, until } from './given.ts';
import { Proxy } from './proxy.ts';

let proxy: Proxy;
before(async () => {
  proxy = await Proxy.before(SERVICE);
});
after(() => proxy.down());

type Signed = Awaited<ReturnType<typeof signedIn>>;

const at = ({ id }: { id: string }) => ({ table: 'conversations', id }) as const;
const title = (plans: Conversation, value: string): RecordOperation => ({ op: 'set', ...at(plans), path: 'title', value });
const tag = (plans: Conversation, value: string): RecordOperation => ({
  op: 'listInsert', ...at(plans), path: 'tags', value, where: 'end',
});

async function withPlans(baseUrl = SERVICE, tags: string[] = []) {
  const ada = await signedIn({ baseUrl, retries: 0 });
  const plans = await ada.createConversation({ title: 'Plans', tags });
  const cache = ada.cache();
  await cache.load([at(plans)]);
  return { ada, plans, cache, shown: () => cache.get('conversations', plans.id) };
}

const onServer = (ada: Signed, plans: Conversation) => ada.getConversation({ conversationId: plans.id });

test('a transaction shows at once, and then as the server has it', async () => {
  const { ada, plans, cache, shown } = await withPlans();

  const outcome = cache.transact([title(plans, 'Better plans'), tag(plans, 'work')]);

  assert.deepEqual([shown()?.title, shown()?.tags, shown()?.version, cache.pending], ['Better plans', ['work'], 2, 1]);
  assert.equal(await outcome, 'made');
  assert.deepEqual(shown(), await onServer(ada, plans));
});

test('a refused transaction is rolled back, and later ones stay', async () => {
  const { ada, plans, cache, shown } = await withPlans();
  await ada.createConversation({ title: 'Another' });

  const refused = cache.transact([{ op: 'set', ...at(plans), path: 'title', value: '' }]);
  const kept = cache.transact([tag(plans, 'work')]);
  assert.deepEqual([shown()?.title, shown()?.version], ['', 3]);

  await assert.rejects(refused, ValidationFailed);
  assert.equal(await kept, 'made');
  assert.deepEqual([shown()?.title, shown()?.tags, shown()?.version], ['Plans', ['work'], 2]);
});

test('a change of somebody else in between is a conflict, and nothing of it is lost', async () => {
  const { ada, plans, cache, shown } = await withPlans();
  await ada.updateConversation({ conversationId: plans.id, expectedVersion: 1, title: 'Of somebody else' });

  await assert.rejects(cache.transact([title(plans, 'Mine')]), (error) => {
    assert.ok(error instanceof VersionConflict);
    assert.deepEqual(error.conflicts, [{ ...at(plans), expectedVersion: 1, currentVersion: 2 }]);
    return true;
  });

  assert.equal(shown()?.title, 'Plans');
  await cache.load([at(plans)]);
  assert.equal(shown()?.title, 'Of somebody else');
});

test('more records than one request may ask for are read with several', async () => {
  const { ada, plans, cache, shown } = await withPlans();
  await ada.updateConversation({ conversationId: plans.id, expectedVersion: 1, title: 'Better' });
  const unknown = Array.from({ length: 1_000 }, () => at({ id: crypto.randomUUID() }));

  await cache.load([...unknown, at(plans)]);

  assert.equal(shown()?.title, 'Better');
});

test('quick changes of one client do not conflict with each other', async () => {
  const { ada, plans, cache } = await withPlans();

  await Promise.all(['a', 'b', 'c', 'd', 'e'].map((value) => cache.transact([tag(plans, value)])));

  assert.deepEqual((await onServer(ada, plans)).tags, ['a', 'b', 'c', 'd', 'e']);
  assert.equal((await onServer(ada, plans)).version, 6);
});

test('without a connection changes wait, show, and are sent in order afterwards', async () => {
  const { ada, plans, cache, shown } = await withPlans(proxy.url);
  await proxy.down();

  assert.equal(await cache.transact([title(plans, 'Written offline')]), 'queued');
  assert.equal(await cache.transact([tag(plans, 'first')]), 'queued');
  assert.equal(await cache.transact([tag(plans, 'second')]), 'queued');
  assert.deepEqual([shown()?.title, shown()?.tags, cache.pending], ['Written offline', ['first', 'second'], 3]);
  await proxy.up();
  await cache.flush();

  assert.equal(cache.pending, 0);
  assert.deepEqual(shown(), await onServer(ada, plans));
  assert.deepEqual([shown()?.tags, shown()?.version], [['first', 'second'], 4]);
  cache.close();
});

test('keys are sent automatically, and a lost response creates no second record', async () => {
  const { ada, plans, cache, shown } = await withPlans(proxy.url);
  proxy.responsesToLose = 1;

  assert.equal(await cache.transact([tag(plans, 'once')]), 'queued');
  await until(() => cache.pending === 0);

  const bodies = await Promise.all(sent(ada.traffic, '/api/v1/transactions').map((request) => request.json() as Promise<{ transactionId: string }>));
  assert.equal(new Set(bodies.map((body) => body.transactionId)).size, 1);
  assert.ok(bodies.length >= 2);
  assert.deepEqual([shown()?.tags, shown()?.version], [['once'], 2]);
});

test('a flush sends again after an earlier failure', async () => {
  let tries = 0;
  let fail: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    fail = resolve;
  });
  const flaky: typeof fetch = async (request) => {
    if (!(request as Request).url.endsWith('/transactions') || ++tries > 2) return fetch(request);
    if (tries === 2) await released;
    throw new TypeError('fetch failed');
  };
  const ada = await signedIn({ fetch: flaky, retries: 0 });
  const plans = await ada.createConversation({ title: 'Plans' });
  const cache = ada.cache();
  assert.equal(await cache.transact([title(plans, 'Written offline')]), 'queued');
  await until(() => tries === 2);

  const flushed = cache.flush();
  fail();
  await flushed;

  assert.deepEqual([tries, cache.pending], [3, 0]);
  assert.equal((await onServer(ada, plans)).title, 'Written offline');
});

test('a queued transaction that is refused is rolled back and reported', async () => {
  const { ada, plans, cache, shown } = await withPlans(proxy.url);
  const elsewhere = await signedIn({}, ada.user);
  const events: CacheEvent[] = [];
  cache.listen((event) => events.push(event));
  await proxy.down();
  await cache.transact([title(plans, 'Written offline')]);
  await elsewhere.updateConversation({ conversationId: plans.id, expectedVersion: 1, title: 'Of somebody else' });

  await proxy.up();
  await cache.flush();

  const refused = events.find((event) => event.type === 'refused');
  assert.ok(refused?.type === 'refused' && refused.error instanceof VersionConflict);
  assert.equal(shown()?.title, 'Plans');
  assert.equal(await cache.undo(), undefined);
});

test('undo and redo are transactions', async () => {
  const { ada, plans, cache, shown } = await withPlans(SERVICE, ['a', 'b', 'c']);
  const list = { ...at(plans), path: 'tags' } as const;
  await cache.transact([
    title(plans, 'Better plans'),
    { op: 'listRemove', ...list, value: 'b' },
    { op: 'listInsert', ...list, value: 'c', where: 'start' },
    { op: 'setNow', ...at(plans), path: 'archivedAt' },
  ]);
  await cache.transact([tag(plans, 'last')]);
  const done = shown()!;
  assert.deepEqual([done.title, done.tags], ['Better plans', ['c', 'a', 'last']]);
  assert.ok(done.archivedAt);

  assert.equal(await cache.undo(), 'made');
  assert.deepEqual(shown()?.tags, ['c', 'a']);
  assert.equal(await cache.undo(), 'made');
  const { title: before, tags, archivedAt, version } = await onServer(ada, plans);
  assert.deepEqual([before, tags, archivedAt, version], ['Plans', ['a', 'b', 'c'], null, 5]);
  assert.equal(await cache.undo(), undefined);

  await cache.redo();
  await cache.redo();
  const again = await onServer(ada, plans);
  assert.deepEqual([again.title, again.tags, again.version], ['Better plans', ['c', 'a', 'last'], 7]);
  assert.equal(await cache.redo(), undefined);
});

test('making and deleting can be undone, with a new id for what comes back', async () => {
  const { ada, plans, cache } = await withPlans();
  const id = crypto.randomUUID();
  const texts = async () => (await ada.listMessages({ conversationId: plans.id })).items.map((message) => message.text);
  await cache.transact([{ op: 'create', table: 'messages', id, record: { conversationId: plans.id, text: 'Hello' } }]);
  await cache.transact([{ op: 'set', table: 'messages', id, path: 'text', value: 'Hello again' }]);
  assert.equal(cache.get('messages', id)?.text, 'Hello again');

  await cache.undo();
  await cache.undo();
  assert.deepEqual(await texts(), []);
  await assert.rejects(ada.getMessage({ messageId: id }), NotFound);
  await cache.redo();
  await cache.redo();
  assert.deepEqual(await texts(), ['Hello again']);

  const [message] = (await ada.listMessages({ conversationId: plans.id })).items;
  await cache.transact([{ op: 'delete', table: 'messages', id: message!.id }]);
  assert.equal(cache.get('messages', message!.id), undefined);
  await cache.undo();
  assert.deepEqual(await texts(), ['Hello again']);
});

test('an undo that is refused can be tried again', async () => {
  const { ada, plans, cache, shown } = await withPlans();
  await cache.transact([title(plans, 'Mine')]);
  await ada.updateConversation({ conversationId: plans.id, expectedVersion: 2, tags: ['new'] });

  await assert.rejects(cache.undo(), VersionConflict);
  await cache.load([at(plans)]);
  await cache.undo();

  assert.deepEqual([shown()?.title, shown()?.tags], ['Plans', ['new']]);
});

test('the higher version is kept, whatever comes first', async () => {
  const { plans, cache, shown } = await withPlans();

  cache.put('conversations', { ...plans, title: 'Newer', version: 3 });
  cache.put('conversations', { ...plans, title: 'Older', version: 2 });

  assert.equal(shown()?.title, 'Newer');
});

test('a record that is followed is current, until it is gone', async () => {
  const { ada, plans, cache, shown } = await withPlans();
  const elsewhere = await signedIn({}, ada.user);
  const events: CacheEvent[] = [];
  const end = cache.listen((event) => events.push(event));
  const followed = cache.follow('conversations', plans.id);
  await followed.ready;

  await elsewhere.updateConversation({ conversationId: plans.id, expectedVersion: 1, title: 'Of somebody else' });
  await until(() => shown()?.title === 'Of somebody else');
  await cache.transact([tag(plans, 'mine')]);
  ada.live.disconnect();
  await elsewhere.updateConversation({ conversationId: plans.id, expectedVersion: 3, title: 'During the cut' });
  await until(() => shown()?.title === 'During the cut');
  await elsewhere.deleteConversation({ conversationId: plans.id, expectedVersion: 4 });
  await until(() => shown() === undefined);

  assert.deepEqual(events.find((event) => event.type === 'changed'), { type: 'changed', ...at(plans) });
  end();
  followed.stop();
  ada.live.close();
});

test('a record that is followed and may no longer be read goes, and that is told', async () => {
  const ada = await signedIn();
  const bob = await signedIn();
  const plans = await ada.createConversation({ title: 'Plans', memberIds: [bob.user.id] });
  const cache = bob.cache();
  const events: CacheEvent[] = [];
  cache.listen((event) => events.push(event));
  await cache.follow('conversations', plans.id).ready;
  assert.equal(cache.get('conversations', plans.id)?.title, 'Plans');

  await ada.removeMember({ conversationId: plans.id, userId: bob.user.id, expectedVersion: 1 });

  await until(() => events.some((event) => event.type === 'lost' && event.error instanceof NotFound));
  assert.equal(cache.get('conversations', plans.id), undefined);
  await later(0);
});

test('a change of a record that is followed is read, also when that fails at first', async () => {
  let failures = 0;
  const flaky: typeof fetch = (request) => {
    const isRead = (request as Request).url.endsWith('/records/query');
    if (isRead && failures-- > 0) throw new TypeError('fetch failed');
    return fetch(request);
  };
  const ada = await signedIn({ fetch: flaky, retries: 0 });
  const cache = ada.cache();
  const followed = cache.follow('users', ada.user.id);
  await followed.ready;

  failures = 2;
  await ada.updateMe({ expectedVersion: 1, firstName: 'Augusta' });

  await until(() => cache.get('users', ada.user.id)?.firstName === 'Augusta');
  followed.stop();
  ada.live.close();
});

test('a follower that stops gets no more changes', async () => {
  const { ada, plans, cache, shown } = await withPlans();
  const events: CacheEvent[] = [];
  const followed = cache.follow('conversations', plans.id);
  await followed.ready;
  cache.listen((event) => events.push(event));

  followed.stop();
  await ada.updateConversation({ conversationId: plans.id, expectedVersion: 1, title: 'Better plans' });
  await later(300);

  assert.deepEqual(events, []);
  assert.equal(shown()?.title, 'Plans');
});
