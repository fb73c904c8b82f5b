/** The effect of operations on records, as in the service: pure functions, so that the cache shows it at once. */

import { RECORDS, type RecordKind } from './generated/operations.gen.js';
import type { AnyRecord, ListInsertOperation, RecordOperation, RecordPointer, RecordValue } from './generated/types.gen.js';
import { newKey } from './retries.js';

/** The record after one operation; undefined after a delete. An operation that does not apply changes nothing. */
export function applied(before: AnyRecord | undefined, operation: RecordOperation, now: string): AnyRecord | undefined {
  if (operation.op === 'create') return before ?? { ...operation.record, id: operation.id, version: 0 };
  if (!before || operation.op === 'delete') return undefined;
  return { ...before, [operation.path]: value(before, operation, now) };
}

/** The operations that undo these, given the record before each; the last one first. */
export function inverse(
  operations: readonly RecordOperation[],
  read: (pointer: RecordPointer) => AnyRecord | undefined,
  now: string,
): RecordOperation[] {
  const records = new Map<string, AnyRecord | undefined>();
  const undoing: RecordOperation[][] = [];
  for (const operation of operations) {
    const key = `${operation.table} ${operation.id}`;
    const before = records.has(key) ? records.get(key) : read(operation);
    undoing.unshift(inverseOf(operation, before));
    records.set(key, applied(before, operation, now));
  }
  return undoing.flat();
}

/**
 * A function that gives every record that the operations create a new id.
 *
 * An id is never free again. The new id replaces the old one where that is a whole value: an id, an anchor, an item, a
 * field of a record. A text that only contains the old id stays.
 */
export function renaming(operations: readonly RecordOperation[]): (steps: readonly RecordOperation[]) => RecordOperation[] {
  const created = operations.filter(({ op }) => op === 'create');
  const ids = new Map(created.map(({ id }) => [id.toLowerCase(), newKey()]));
  return (steps) => (ids.size > 0 ? (renamed(steps, ids) as RecordOperation[]) : [...steps]);
}

function renamed(value: unknown, ids: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') return ids.get(value.toLowerCase()) ?? value;
  if (Array.isArray(value)) return value.map((item) => renamed(item, ids));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, renamed(item, ids)]));
}

type Writes = Exclude<RecordOperation, { op: 'create' } | { op: 'delete' }>;
type ListWrites = Extract<Writes, { op: 'listInsert' | 'listRemove' }>;

function value(before: AnyRecord, operation: Writes, now: string): RecordValue {
  if (operation.op === 'set') return operation.value;
  if (operation.op === 'setNow') return now;
  const items = list(before, operation.path);
  if (operation.op === 'listRemove') return items.filter((item) => item !== operation.value);
  return inserted(items, operation);
}

function list(record: AnyRecord, path: string): string[] {
  const items = record[path];
  return Array.isArray(items) ? (items as string[]) : [];
}

/** The list with the value inserted; a value that is in the list already moves. */
function inserted(items: string[], { value: added, where, anchor }: ListInsertOperation): string[] {
  const others = items.filter((item) => item !== added);
  const beside = anchor === undefined ? 0 : others.indexOf(anchor);
  if (beside < 0) return items; // The list has no such anchor, or the anchor is the value itself.
  const places = { start: 0, end: others.length, before: beside, after: beside + 1 };
  return [...others.slice(0, places[where]), added, ...others.slice(places[where])];
}

function inverseOf(operation: RecordOperation, before: AnyRecord | undefined): RecordOperation[] {
  // Each step has the table and path of the operation, which fit together.
  return stepsBack(operation, before) as RecordOperation[];
}

function stepsBack(operation: RecordOperation, before: AnyRecord | undefined): object[] {
  const { table, id } = operation;
  const kind: RecordKind = RECORDS[table] ?? { writable: {}, creatable: [] };
  if (operation.op === 'create') return before ? [] : [{ op: 'delete', table, id }];
  if (!before) return [];
  if (operation.op === 'delete') return [{ op: 'create', table, id, record: picked(before, kind.creatable) }];
  const { path } = operation;
  if (operation.op === 'setNow' || kind.writable[path] === 'moment') return moment(operation, before[path]);
  if (operation.op === 'listInsert' || operation.op === 'listRemove') return restored(operation, list(before, path));
  return [{ ...operation, value: before[path] ?? null }];
}

function picked(record: AnyRecord, names: readonly string[]): Record<string, RecordValue> {
  const fields = names.flatMap((name) => (record[name] === undefined ? [] : [[name, record[name]]]));
  return Object.fromEntries(fields) as Record<string, RecordValue>; // The fields of a creation are such values.
}

/** Only the service sets times: a null becomes null again, and a time becomes the time of the undo. */
function moment({ op, table, id, path }: Writes, before: unknown): object[] {
  if (before === null || before === undefined) return [{ op: 'set', table, id, path, value: null }];
  return op === 'set' ? [{ op: 'setNow', table, id, path }] : [];
}

/** Put the value back in its place, or take it out if the list did not have it. */
function restored({ op, table, id, path, value: moved }: ListWrites, before: readonly string[]): object[] {
  const place = before.indexOf(moved);
  if (place < 0) return op === 'listInsert' ? [{ op: 'listRemove', table, id, path, value: moved }] : [];
  const common = { op: 'listInsert', table, id, path, value: moved };
  return [place === 0 ? { ...common, where: 'start' } : { ...common, where: 'after', anchor: before[place - 1]! }];
}
