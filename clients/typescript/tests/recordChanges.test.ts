import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { AnyRecord, RecordOperation } from '@accord/client';

import { applied, inverse } from '../dist/recordChanges.js';

const NOW = '2026-01-31T09:30:00.000000Z';
const AT = { table: 'conversations', id: '01980d5e-3333-7c3a-9f2e-3b5a6c7d8e9f' } as const;
const VALUES = ['a', 'b', 'c', 'd'];

function pick<Item>(items: readonly Item[]): Item {
  return items[Math.floor(Math.random() * items.length)]!;
}

function anyOperation(): RecordOperation {
  const where = pick(['start', 'end', 'before', 'after'] as const);
  const anchor = where === 'before' || where === 'after' ? { anchor: pick(VALUES) } : {};
  return pick<RecordOperation>([
    { op: 'set', ...AT, path: 'title', value: pick(VALUES) },
    { op: 'listInsert', ...AT, path: 'tags', value: pick(VALUES), where, ...anchor },
    { op: 'listRemove', ...AT, path: 'tags', value: pick(VALUES) },
  ]);
}

function all(record: AnyRecord, operations: readonly RecordOperation[]): AnyRecord | undefined {
  return operations.reduce<AnyRecord | undefined>((before, operation) => applied(before, operation, NOW), record);
}

test('the inverse takes back whatever was done', () => {
  for (let run = 0; run < 2000; run++) {
    const record = { id: AT.id, version: 1, title: 'Plans', tags: VALUES.filter(() => Math.random() < 0.6) };
    const operations = Array.from({ length: 1 + Math.floor(Math.random() * 6) }, anyOperation);

    const undone = all(all(record, operations)!, inverse(operations, () => record, NOW));

    assert.deepEqual(undone, record, JSON.stringify(operations));
  }
});

test('inserting twice is inserting once, and the record stays as it was', () => {
  const record = { id: AT.id, version: 1, tags: ['a', 'b', 'c'] };
  const insert: RecordOperation = { op: 'listInsert', ...AT, path: 'tags', value: 'c', where: 'after', anchor: 'a' };

  assert.deepEqual(all(record, [insert])?.tags, ['a', 'c', 'b']);
  assert.deepEqual(all(record, [insert, insert]), all(record, [insert]));
  assert.deepEqual(record.tags, ['a', 'b', 'c']);
});

test('a time is taken back to null, and a null to a time', () => {
  const at = { ...AT, path: 'archivedAt' } as const;
  const open = () => ({ id: AT.id, version: 1, archivedAt: null });
  const archived = () => ({ id: AT.id, version: 1, archivedAt: NOW });

  assert.deepEqual(inverse([{ op: 'setNow', ...at }], open, NOW), [{ op: 'set', ...at, value: null }]);
  assert.deepEqual(inverse([{ op: 'set', ...at, value: null }], archived, NOW), [{ op: 'setNow', ...at }]);
});
