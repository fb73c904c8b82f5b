/** Names that the contract does not have are refused by the compiler: what is right compiles, each wrong one does not. */

import { type Cache, type CacheEvent, listKey, type Operations, recordKey, type RecordOperation } from '@accord/client';

const id = '01980d5e-3333-7c3a-9f2e-3b5a6c7d8e9f';

export const right: RecordOperation[] = [
  { op: 'set', table: 'conversations', id, path: 'title', value: 'Plans' },
  { op: 'set', table: 'conversations', id, path: 'archivedAt', value: null },
  { op: 'set', table: 'messages', id, path: 'text', value: 'Hello' },
  { op: 'setNow', table: 'conversations', id, path: 'archivedAt' },
  { op: 'listInsert', table: 'conversations', id, path: 'tags', value: 'work', where: 'end' },
  { op: 'listRemove', table: 'conversations', id, path: 'pinnedMessageIds', value: id },
  { op: 'create', table: 'messages', id, record: { conversationId: id, text: 'Hello' } },
  { op: 'delete', table: 'messages', id },
];

export const wrong: RecordOperation[] = [
  // @ts-expect-error There is no such table.
  { op: 'set', table: 'conversation', id, path: 'title', value: 'Plans' },
  // @ts-expect-error There is no such path.
  { op: 'set', table: 'conversations', id, path: 'titel', value: 'Plans' },
  // @ts-expect-error The path is one of another table.
  { op: 'set', table: 'messages', id, path: 'title', value: 'Plans' },
  // @ts-expect-error Nothing of these records is written by transactions.
  { op: 'set', table: 'users', id, path: 'title', value: 'Plans' },
  // @ts-expect-error The path is a list, which is changed item by item.
  { op: 'set', table: 'conversations', id, path: 'tags', value: ['work'] },
  // @ts-expect-error The path is no time.
  { op: 'setNow', table: 'conversations', id, path: 'title' },
  // @ts-expect-error The path is no list.
  { op: 'listInsert', table: 'conversations', id, path: 'title', value: 'work', where: 'end' },
  // @ts-expect-error The path is no list.
  { op: 'listRemove', table: 'messages', id, path: 'text', value: 'work' },
  // @ts-expect-error A new record has no such field.
  { op: 'create', table: 'messages', id, record: { conversationId: id, text: 'Hello', mood: 'good' } },
  // @ts-expect-error A new record needs its text.
  { op: 'create', table: 'messages', id, record: { conversationId: id } },
  // @ts-expect-error No transaction creates these.
  { op: 'create', table: 'users', id, record: { firstName: 'Ada' } },
  // @ts-expect-error No transaction deletes these.
  { op: 'delete', table: 'users', id },
];

export async function use(cache: Cache, api: Operations, event: CacheEvent): Promise<void> {
  // @ts-expect-error There is no such table.
  await cache.transact([{ op: 'delete', table: 'message', id }]);
  // @ts-expect-error There is no such path.
  await api.applyTransaction({ transactionId: id, operations: [{ op: 'setNow', table: 'conversations', id, path: 'at' }] });
  // @ts-expect-error There is no such table.
  await api.applyTransaction({ transactionId: id, operations: right, expectedVersions: { conversation: { [id]: 1 } } });
  // @ts-expect-error There is no such table.
  await api.queryRecords({ pointers: [{ table: 'message', id }] });
  // @ts-expect-error There is no such table.
  await cache.load([{ table: 'message', id }]);
  // @ts-expect-error There is no such table.
  cache.get('message', id);
  // @ts-expect-error There is no such table.
  cache.put('message', { id, version: 1 });
  // @ts-expect-error There is no such table.
  cache.follow('message', id);
  // @ts-expect-error There is no such table.
  recordKey('message', id);
  // @ts-expect-error There is no such kind of list.
  listKey(id, 'message');
  // @ts-expect-error There is no such table.
  if (event.type === 'changed') event.table satisfies 'messages';
  if (event.type === 'changed') cache.get(event.table, event.id);
}
