/**
 * What a cache holds: the records as the server said, the transactions that wait, and what both make together.
 *
 * One rule keeps an update from being lost. A record on which a transaction waits stands still: what the server says of
 * it meanwhile is kept beside it until none waits. So a transaction is made from what its author saw, it claims that
 * version and no other, and a claim rises only when a response says that a transaction of this cache made the next one.
 */

import type { AnyRecord, FoundRecords, RecordOperation, RecordPointer } from './generated/types.gen.js';
import { applied } from './recordChanges.js';

/** A transaction that was not made yet. */
export interface Pending {
  transactionId: string;
  operations: readonly RecordOperation[];
  at: string;
  /** The versions that its author saw, by key; 0 of a record that an earlier transaction is to create. */
  claims: Map<string, number>;
}

export class HeldRecords<Waiting extends Pending> {
  pending: Waiting[] = [];
  /** What looks different; whoever tells of it clears it. */
  changed = new Map<string, RecordPointer>();
  /** What was forgotten, and not yet read again. */
  readonly doubted = new Map<string, RecordPointer>();
  /** Transactions that claim versions that never were; whoever takes them out clears it. */
  void: Waiting[] = [];

  readonly #pointers = new Map<string, RecordPointer>();
  readonly #confirmed = new Map<string, AnyRecord>();
  readonly #shown = new Map<string, AnyRecord>();
  /** What was said of records on which a transaction waits; undefined of one that is there no more. */
  readonly #beside = new Map<string, AnyRecord | undefined>();
  /** Deleted for good, as an id is never used again. */
  readonly #deleted = new Set<string>();
  /** When it was learned that a record is there, or is not. */
  readonly #learned = new Map<string, number>();
  #now = 0;
  #forgotten = 0;

  /** The record with all that is pending. */
  get(pointer: RecordPointer): AnyRecord | undefined {
    return this.#shown.get(keyOf(pointer));
  }

  /** The version that was said last; 0 of a record that is not here. */
  version(pointer: RecordPointer): number {
    const key = keyOf(pointer);
    return (this.#beside.has(key) ? this.#beside : this.#confirmed).get(key)?.version ?? 0;
  }

  isDeleted(pointer: RecordPointer): boolean {
    return this.#deleted.has(keyOf(pointer));
  }

  /** The time of this cache, to be compared with what it learns from now on. */
  tick(): number {
    return ++this.#now;
  }

  /** What a transaction may claim that is made now: what the one before it does, or what is here. */
  claims(operations: readonly RecordOperation[]): Map<string, number> {
    const shown = operations.map(keyOf).filter((key) => this.#shown.has(key));
    return new Map(shown.map((key) => [key, this.#claim(key)]));
  }

  add(pending: Waiting): void {
    this.pending.push(pending);
    pending.operations.forEach((operation) => this.#show(operation));
  }

  /** Take a response. Those behind it claim the versions that it made, if they claimed those before. */
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

  /** Take a transaction back; returns those that are nothing without it, as it was to create their records. */
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

  /** Take note that a record is there no more: deleted for good, or not for the caller. */
  remove(pointer: RecordPointer, forGood: boolean): void {
    if (forGood) this.#deleted.add(keyOf(pointer));
    this.#learn(pointer);
    this.#keep(pointer, undefined);
  }

  /**
   * Take what a read that began at this time says; returns false when it must be read again.
   *
   * That is when it contradicts what was learned since, as nobody knows which of both is older.
   */
  read(pointer: RecordPointer, record: AnyRecord | undefined, began: number): boolean {
    const key = keyOf(pointer);
    if (began < this.#forgotten) return false;
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

  /** Believe nothing that was said until now: what is read from here on counts, whatever its version. */
  forget(): void {
    this.#forgotten = this.tick();
    this.#deleted.clear();
    for (const key of [...this.#confirmed.keys(), ...this.#beside.keys()]) this.doubted.set(key, this.#pointers.get(key)!);
  }

  /** Take what a record is after it was forgotten; nobody may claim versions that it cannot come from. */
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

  /** Take what was said of records meanwhile, if nothing waits on them any more. */
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

/** Whether this can be what the server says of a transaction: all records that it leaves are there. */
export function isResponse(found: FoundRecords | undefined, operations: readonly RecordOperation[]): found is FoundRecords {
  const left = new Map(operations.map((operation) => [keyOf(operation), operation]));
  const records: unknown = found?.records;
  if (typeof records !== 'object' || records === null) return false;
  return [...left.values()].every((last) => last.op === 'delete' || foundIn(found!, last));
}

/** The expected versions of a transaction, as it is sent. */
export function byTable(claims: Map<string, number>): Record<string, Record<string, number>> {
  const tables: Record<string, Record<string, number>> = {};
  for (const [key, version] of claims) {
    const [table, id] = key.split(' ') as [string, string];
    (tables[table] ??= {})[id] = version;
  }
  return tables;
}

/** A record after a transaction: one version further, however many operations. */
function after(record: AnyRecord | undefined, { operations, at }: Pending, key: string): AnyRecord | undefined {
  const own = operations.filter((operation) => keyOf(operation) === key);
  if (own.length === 0) return record;
  const result = own.reduce((before, operation) => applied(before, operation, at), record);
  return result && { ...result, version: (record?.version ?? 0) + 1 };
}

/** Whether a record is now what it cannot have become: older, or another at the same version. */
function isOtherHistory(held: AnyRecord | undefined, now: AnyRecord | undefined): boolean {
  if (!held || !now) return false;
  return now.version < held.version || (now.version === held.version && !isSame(now, held));
}

function isSame(one: AnyRecord | undefined, other: AnyRecord | undefined): boolean {
  if (!one || !other) return one === other;
  const names = Object.keys({ ...one, ...other });
  return names.every((name) => JSON.stringify(one[name]) === JSON.stringify(other[name]));
}
