/**
 * The content of a cache: the records of the service, the transactions that wait, and the records with both.
 *
 * One rule prevents lost updates. A record with a waiting transaction does not change: a newer state from the service is
 * held beside it until no transaction waits. So a transaction is made from the record that its author saw, and claims that
 * version and no other. A claim rises only when a response says that a transaction of this cache made the next version.
 */

import type { AnyRecord, FoundRecords, RecordOperation, RecordPointer } from './generated/types.gen.js';
import { applied } from './recordChanges.js';

/** A transaction that the service has not made yet. */
export interface Pending {
  transactionId: string;
  operations: readonly RecordOperation[];
  at: string;
  /** The versions that its author saw, by key; 0 for a record that an earlier transaction is to create. */
  claims: Map<string, number>;
}

export class HeldRecords<Waiting extends Pending> {
  pending: Waiting[] = [];
  /** Records that look different; the cache clears them when it tells its listeners. */
  changed = new Map<string, RecordPointer>();
  /** Records that are to be read again, after a resync. */
  readonly doubted = new Map<string, RecordPointer>();
  /** Transactions that claim versions that never existed; the cache clears them when it takes them out. */
  void: Waiting[] = [];

  readonly #pointers = new Map<string, RecordPointer>();
  readonly #confirmed = new Map<string, AnyRecord>();
  readonly #shown = new Map<string, AnyRecord>();
  /** The newer states of records with a waiting transaction; undefined for a record that no longer exists. */
  readonly #beside = new Map<string, AnyRecord | undefined>();
  /** The keys of records deleted for good: an id is never used again. */
  readonly #deleted = new Set<string>();
  /** The time at which the cache learned that a record exists, or does not. */
  readonly #learned = new Map<string, number>();
  #now = 0;
  #doubtedAt = 0;

  /** The record with all pending transactions applied. */
  get(pointer: RecordPointer): AnyRecord | undefined {
    return this.#shown.get(keyOf(pointer));
  }

  /** The last version that the service gave; 0 for a record that is not here. */
  version(pointer: RecordPointer): number {
    const key = keyOf(pointer);
    return (this.#beside.has(key) ? this.#beside : this.#confirmed).get(key)?.version ?? 0;
  }

  isDeleted(pointer: RecordPointer): boolean {
    return this.#deleted.has(keyOf(pointer));
  }

  /** The time of this cache, which later readings are compared with. */
  tick(): number {
    return ++this.#now;
  }

  /** The claims of a transaction made now: those of the transaction before it, or the versions here. */
  claims(operations: readonly RecordOperation[]): Map<string, number> {
    const shown = operations.map(keyOf).filter((key) => this.#shown.has(key));
    return new Map(shown.map((key) => [key, this.#claim(key)]));
  }

  add(pending: Waiting): void {
    this.pending.push(pending);
    pending.operations.forEach((operation) => this.#show(operation));
  }

  /** Take a response. Later transactions claim the versions that it made, if they claimed the versions before. */
  made(made: Waiting, found: FoundRecords): void {
    this.pending = this.pending.filter((each) => each !== made);
    for (const pointer of made.operations) {
      const key = keyOf(pointer);
      const record = foundIn(found, pointer);
      this.#learn(pointer);
      this.#confirm(key, record);
      if (!record) this.#deleted.add(key);
      for (const { claims } of record ? this.pending : []) {
        if (claims.get(key) === record!.version - 1) claims.set(key, record!.version);
      }
    }
    this.#settle(made.operations);
  }

  /** Roll a transaction back; returns the later ones that need a record that it was to create. */
  refused({ operations, transactionId }: Waiting): Waiting[] {
    this.pending = this.pending.filter((each) => each.transactionId !== transactionId);
    this.#settle(operations);
    return this.pending.filter(({ claims }) => operations.some((operation) => claims.get(keyOf(operation)) === 0));
  }

  /** Take a record that was read; an older version than the one here changes nothing. */
  put(pointer: RecordPointer, record: AnyRecord): void {
    const key = keyOf(pointer);
    if (this.#deleted.has(key) || this.doubted.has(key) || record.version <= this.version(pointer)) return;
    this.#learn(pointer);
    this.#keep(pointer, record);
  }

  /** Note that a record no longer exists: it was deleted for good, or the caller may not see it. */
  remove(pointer: RecordPointer, forGood: boolean): void {
    if (forGood) this.#deleted.add(keyOf(pointer));
    this.#learn(pointer);
    this.#keep(pointer, undefined);
  }

  /**
   * Take the record of a read that began at this time; returns false when the record must be read again.
   *
   * A read that contradicts a later note is repeated, because the cache cannot know which of both is older.
   */
  read(pointer: RecordPointer, record: AnyRecord | undefined, began: number): boolean {
    const key = keyOf(pointer);
    if (began < this.#doubtedAt) return false;
    if (this.doubted.has(key)) {
      this.#replace(pointer, record);
      return true;
    }
    const wasHere = this.version(pointer) > 0;
    const contradicts = Boolean(record) !== wasHere && !this.#deleted.has(key);
    if (contradicts && (this.#learned.get(key) ?? 0) > began) return false;
    if (record) this.put(pointer, record);
    else if (wasHere) this.remove(pointer, false);
    return true;
  }

  /** Doubt every record until it is read again: a read from here on counts, whatever its version. */
  doubtAll(): void {
    this.#doubtedAt = this.tick();
    this.#deleted.clear();
    for (const key of [...this.#confirmed.keys(), ...this.#beside.keys()]) this.doubted.set(key, this.#pointers.get(key)!);
  }

  /** Take the record of a doubted key; no transaction may claim a version that the record cannot come from. */
  #replace(pointer: RecordPointer, record: AnyRecord | undefined): void {
    const key = keyOf(pointer);
    if (this.#isBusy(key) && !isOtherHistory(this.#confirmed.get(key), record)) {
      this.#beside.set(key, record);
    } else {
      this.void.push(...this.pending.filter(({ claims }) => claims.get(key)));
      this.#beside.delete(key);
      this.#confirm(key, record);
    }
    this.#learn(pointer);
    this.#show(pointer);
  }

  #learn(pointer: RecordPointer): void {
    const key = keyOf(pointer);
    this.#pointers.set(key, { table: pointer.table, id: pointer.id });
    this.#learned.set(key, this.tick());
    this.doubted.delete(key);
  }

  #claim(key: string): number {
    const earlier = this.pending.filter(({ claims }) => claims.has(key)).at(-1);
    return earlier?.claims.get(key) ?? this.#confirmed.get(key)?.version ?? 0;
  }

  #keep(pointer: RecordPointer, record: AnyRecord | undefined): void {
    const key = keyOf(pointer);
    if (this.#isBusy(key)) this.#beside.set(key, record);
    else this.#confirm(key, record);
    this.#show(pointer);
  }

  /** Take the newer states of records on which no transaction waits any more. */
  #settle(pointers: readonly RecordPointer[]): void {
    for (const pointer of pointers) {
      const key = keyOf(pointer);
      if (this.#beside.has(key) && !this.#isBusy(key)) {
        const record = this.#beside.get(key);
        this.#beside.delete(key);
        const isNews = !record || record.version > (this.#confirmed.get(key)?.version ?? 0);
        if (isNews) this.#confirm(key, this.#deleted.has(key) ? undefined : record);
      }
      this.#show(pointer);
    }
  }

  #confirm(key: string, record: AnyRecord | undefined): void {
    if (record) this.#confirmed.set(key, record);
    else this.#confirmed.delete(key);
  }

  #isBusy(key: string): boolean {
    return this.pending.some(({ operations }) => operations.some((operation) => keyOf(operation) === key));
  }

  #show({ table, id }: RecordPointer): void {
    const key = keyOf({ table, id });
    const record = this.pending.reduce((seen, each) => after(seen, each, key), this.#confirmed.get(key));
    if (!isSame(record, this.#shown.get(key))) this.changed.set(key, { table, id });
    if (record) this.#shown.set(key, record);
    else this.#shown.delete(key);
  }
}

export function keyOf({ table, id }: RecordPointer): string {
  return `${table} ${id}`;
}

export function foundIn({ records }: FoundRecords, { table, id }: RecordPointer): AnyRecord | undefined {
  return records[table]?.[id];
}

/** Whether this can be the response to a transaction: it has all records that the transaction leaves. */
export function isResponse(found: FoundRecords | undefined, operations: readonly RecordOperation[]): found is FoundRecords {
  const left = new Map(operations.map((operation) => [keyOf(operation), operation]));
  const records: unknown = found?.records;
  if (typeof records !== 'object' || records === null) return false;
  return [...left.values()].every((last) => last.op === 'delete' || foundIn(found!, last));
}

/** The expected versions of a transaction, as the request has them. */
export function byTable(claims: Map<string, number>): Record<string, Record<string, number>> {
  const tables: Record<string, Record<string, number>> = {};
  for (const [key, version] of claims) {
    const [table, id] = key.split(' ') as [string, string];
    (tables[table] ??= {})[id] = version;
  }
  return tables;
}

/** A record after a transaction: one version later, however many operations. */
function after(record: AnyRecord | undefined, { operations, at }: Pending, key: string): AnyRecord | undefined {
  const own = operations.filter((operation) => keyOf(operation) === key);
  if (own.length === 0) return record;
  const result = own.reduce((before, operation) => applied(before, operation, at), record);
  return result && { ...result, version: (record?.version ?? 0) + 1 };
}

/** Whether a record cannot come from the one held: it is older, or differs at the same version. */
function isOtherHistory(held: AnyRecord | undefined, now: AnyRecord | undefined): boolean {
  if (!held || !now) return false;
  return now.version < held.version || (now.version === held.version && !isSame(now, held));
}

function isSame(one: AnyRecord | undefined, other: AnyRecord | undefined): boolean {
  if (!one || !other) return one === other;
  const names = Object.keys({ ...one, ...other });
  return names.every((name) => JSON.stringify(one[name]) === JSON.stringify(other[name]));
}
