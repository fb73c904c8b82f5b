/** What operations make of records, as the server does it: pure, so that the cache can show it at once. */

import { RECORDS, type RecordKind } from './generated/operations.gen.js';
import type { AnyRecord, ListInsertOperation, RecordOperation, RecordPointer, RecordValue } from './generated/types.gen.js';
import { newKey } from './retries.js';

/** What one operation leaves of a record, undefined when it deletes it. What cannot be applied changes nothing. */
export function applied(before: AnyRecord | undefined, operation: RecordOperation, now: string): AnyRecord | undefined {
  if (operation.op === 'create') return before ?? { ...operation.record, id: operation.id, version: 0 };
  if (!before || operation.op === 'delete') return undefined;
  return { ...before, [operation.path]: value(before, operation, now) };
}

/** The operations that take these back, given the record as it was before each; the last one first. */
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
 * What names every record that the operations create by an id that it never had.
 *
 * An id is never free again. Where the old one is a whole value (an id, an anchor, an item, a field of a record) the new
 * one is there afterwards; a text that only mentions it stays.
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
  return Array.isArray(items) ? items : [];
}

/** Inserting what is in the list moves it. */
function inserted(items: string[], { value: added, where, anchor }: ListInsertOperation): string[] {
  const others = items.filter((item) => item !== added);
  const beside = anchor === undefined ? 0 : others.indexOf(anchor);
  if (beside < 0) return items; // There is no anchor, or it is the value itself.
  const places = { start: 0, end: others.length, before: beside, after: beside + 1 };
  return [...others.slice(0, places[where]), added, ...others.slice(places[where])];
}

function inverseOf(operation: RecordOperation, before: AnyRecord | undefined): RecordOperation[] {
  // Each step is for the table and path of the operation, which fit together.
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
  return Object.fromEntries(names.flatMap((name) => (record[name] === undefined ? [] : [[name, record[name]]])));
}

/** Only the server gives times: what was null becomes null again, what had a time gets the time of undoing. */
function moment({ op, table, id, path }: Writes, before: RecordValue | undefined): object[] {
  if (before === null || before === undefined) return [{ op: 'set', table, id, path, value: null }];
  return op === 'set' ? [{ op: 'setNow', table, id, path }] : [];
}

/** Put the value where it was, or take it out if it was not there. */
function restored({ op, table, id, path, value: moved }: ListWrites, before: readonly string[]): object[] {
  const place = before.indexOf(moved);
  if (place < 0) return op === 'listInsert' ? [{ op: 'listRemove', table, id, path, value: moved }] : [];
  const common = { op: 'listInsert', table, id, path, value: moved };
  return [place === 0 ? { ...common, where: 'start' } : { ...common, where: 'after', anchor: before[place - 1]! }];
}
