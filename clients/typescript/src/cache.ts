/** Records by table and id, with transactions that show at once, wait while there is no connection, and can be undone. */

import { ConnectionFailed, NotFound, RateLimited, ServiceUnavailable, Timeout } from './errors.js';
import type { CallOptions, Operations, RecordTypes } from './generated/operations.gen.js';
import type { AnyRecord, Change, FoundRecords, RecordOperation, RecordPointer } from './generated/types.gen.js';
import { type Live, recordKey, type Resync } from './live.js';
import { applied, inverse } from './recordChanges.js';
import { backoff, newKey, sleep } from './retries.js';

/** The tables of the contract. */
export type Table = keyof RecordTypes & string;

/** What listeners hear. */
export type CacheEvent =
  | { type: 'changed'; table: string; id: string }
  /** A transaction that waited for a connection was refused, and is rolled back. */
  | { type: 'refused'; transactionId: string; error: unknown }
  /** A record is followed no longer, because it may not be. */
  | { type: 'lost'; table: string; id: string; error: unknown };

/** Whether the server made it, or it waits for a connection. */
export type Outcome = 'made' | 'queued';

/** A record that is kept current. */
export interface Followed {
  /** Resolves when it is. */
  readonly ready: Promise<void>;
  stop(): void;
}

/** What was done, and what takes it back. */
interface Step {
  operations: readonly RecordOperation[];
  inverse: readonly RecordOperation[];
}

interface Pending {
  transactionId: string;
  operations: readonly RecordOperation[];
  at: string;
  /** The versions that its author saw, by key. */
  expected: Map<string, number>;
  settle(outcome: Outcome): void;
  refuse(error: unknown): void;
}

const BASE = 1_000;
const MOST = 30_000;
/** How many records one request may ask for. */
const MOST_POINTERS = 1_000;

export class Cache {
  readonly #api: Operations;
  readonly #live: Live;
  /** What the server said last. */
  readonly #confirmed = new Map<string, AnyRecord>();
  /** The same with what is pending on top. */
  readonly #shown = new Map<string, AnyRecord>();
  /** Positions at which records were deleted: what was read before does not bring them back. */
  readonly #deleted = new Map<string, number>();
  /** Records whose version may be of a history that a backup replaced: what is read next counts. */
  readonly #doubted = new Set<string>();
  readonly #listeners = new Set<(event: CacheEvent) => void>();
  #pending: Pending[] = [];
  #done: Step[] = [];
  #undone: Step[] = [];
  #sending: Promise<void> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;

  /** Use `accord.cache()`. */
  constructor(api: Operations, live: Live) {
    this.#api = api;
    this.#live = live;
  }

  /** How many transactions the server has not made yet. */
  get pending(): number {
    return this.#pending.length;
  }

  /** The record as it is with your changes, undefined when it is not here. */
  get<Name extends Table>(table: Name, id: string): RecordTypes[Name] | undefined {
    // The contract says what the records of a table are.
    return this.#shown.get(keyOf({ table, id })) as RecordTypes[Name] | undefined;
  }

  /** Keep a record that was read otherwise, unless a higher version is here. */
  put<Name extends Table>(table: Name, record: RecordTypes[Name]): void {
    this.#keep(table, record);
  }

  /** Read records from the server; those that there are not (any more) go. */
  async load(pointers: readonly RecordPointer[], options?: CallOptions): Promise<void> {
    for (let start = 0; start < pointers.length; start += MOST_POINTERS) {
      const part = pointers.slice(start, start + MOST_POINTERS);
      const { records, position } = await this.#api.queryRecords({ pointers: part }, options);
      for (const pointer of part) {
        const record = records[pointer.table]?.[pointer.id];
        if (!record) this.#remove(pointer, position);
        else if (position >= (this.#deleted.get(keyOf(pointer)) ?? 0)) this.#keep(pointer.table, record);
      }
    }
  }

  /** Hear of every change; the function that it returns ends it. */
  listen(callback: (event: CacheEvent) => void): () => void {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  /**
   * Change records, all or none. It shows at once. When the server refuses, it is rolled back and the refusal thrown.
   *
   * Without a connection it stays, and is sent when there is one, in order.
   */
  transact(operations: readonly RecordOperation[]): Promise<Outcome> {
    const step = { operations, inverse: inverse(operations, (table, id) => this.#shown.get(keyOf({ table, id })), now()) };
    this.#undone = [];
    this.#done.push(step);
    return this.#begin(operations, () => {
      this.#done = this.#done.filter((each) => each !== step);
    });
  }

  /** Take the last transaction back, by another one. What was deleted comes back with a new id. Undefined when there is none. */
  async undo(): Promise<Outcome | undefined> {
    const step = this.#done.pop();
    if (!step) return undefined;
    this.#undone.push(step);
    this.#rename(step.inverse);
    return this.#begin(step.inverse, () => move(step, this.#undone, this.#done));
  }

  /** Make what was undone last again, by another transaction. Undefined when there is nothing. */
  async redo(): Promise<Outcome | undefined> {
    const step = this.#undone.pop();
    if (!step) return undefined;
    this.#done.push(step);
    this.#rename(step.operations);
    return this.#begin(step.operations, () => move(step, this.#done, this.#undone));
  }

  /** Send what waits, now. Resolves when all is sent or there is still no connection. */
  async flush(): Promise<void> {
    await this.#sending; // It may fail for what was before, and is made once more then.
    await this.#flushSoon();
  }

  #flushSoon(): Promise<void> {
    clearTimeout(this.#retry);
    if (this.#pending.length > 0) this.#sending ??= this.#send();
    return this.#sending ?? Promise.resolve();
  }

  /** Keep a record current: it is read now, and again whenever it changes. */
  follow(table: Table, id: string, { signal }: CallOptions = {}): Followed {
    const pointer = { table, id };
    const life = new AbortController();
    signal?.addEventListener('abort', () => life.abort(signal.reason), { once: true });
    if (signal?.aborted) life.abort(signal.reason);
    const changes = this.#live.follow([recordKey(table, id)], { signal: life.signal });
    const ready = changes.ready.then(() => this.load([pointer], { signal: life.signal }));
    ready.catch(() => undefined); // Whoever does not wait for it hears of it as an event.
    void this.#followAll(pointer, changes, ready, life.signal);
    return { ready, stop: () => life.abort() };
  }

  /** Send nothing more by itself. What waits is lost with the cache. */
  close(): void {
    clearTimeout(this.#retry);
    this.#listeners.clear();
  }

  async #followAll(
    pointer: RecordPointer,
    changes: AsyncIterable<Change | Resync>,
    ready: Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await ready;
      for await (const change of changes) await this.#follow(pointer, change, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof NotFound) this.#remove(pointer, 0);
      this.#tell({ type: 'lost', ...pointer, error });
    }
  }

  async #follow(pointer: RecordPointer, change: Change | Resync, signal: AbortSignal): Promise<void> {
    if (change.kind === 'deleted') return this.#remove(pointer, change.position);
    if (change.kind === 'resync') this.#doubt();
    const known = this.#confirmed.get(keyOf(pointer))?.version ?? 0;
    if (change.kind !== 'resync' && change.version <= known) return;
    // The change does not come again, so it is read however long that takes.
    for (let tried = 0; ; tried++) {
      try {
        return await this.load([pointer], { signal });
      } catch (error) {
        if (!isAway(error)) throw error;
        await sleep(backoff(tried, BASE, MOST), signal);
      }
    }
  }

  #doubt(): void {
    for (const key of this.#confirmed.keys()) this.#doubted.add(key);
    for (const key of this.#deleted.keys()) this.#deleted.set(key, 0);
  }

  #begin(operations: readonly RecordOperation[], rollBack: () => void): Promise<Outcome> {
    if (operations.length === 0) return Promise.resolve('made');
    return new Promise((resolve, reject) => {
      let isTold = false;
      const transactionId = newKey();
      const refuse = (error: unknown) => {
        rollBack();
        if (isTold) this.#tell({ type: 'refused', transactionId, error });
        else reject(error);
      };
      const settle = (outcome: Outcome) => {
        isTold = true;
        resolve(outcome);
      };
      this.#pending.push({ transactionId, operations, at: now(), expected: this.#versions(operations), settle, refuse });
      this.#show(operations);
      void this.#flushSoon();
    });
  }

  /** An id is never used twice: what is made again gets a new one, in all that may be undone and redone later. */
  #rename(operations: readonly RecordOperation[]): void {
    const again = operations.filter((operation) => operation.op === 'create' && this.#deleted.has(keyOf(operation)));
    const ids = new Map(again.map(({ id }) => [id, newKey()]));
    const rename = (operation: RecordOperation) => ({ ...operation, id: ids.get(operation.id) ?? operation.id });
    for (const step of ids.size > 0 ? [...this.#done, ...this.#undone] : []) {
      step.operations = step.operations.map(rename);
      step.inverse = step.inverse.map(rename);
    }
  }

  #versions(operations: readonly RecordOperation[]): Map<string, number> {
    const expected = new Map<string, number>();
    for (const operation of operations) {
      const record = this.#shown.get(keyOf(operation));
      if (record) expected.set(keyOf(operation), record.version);
    }
    return expected;
  }

  /** One after another, in order, until none is left or there is no connection. */
  async #send(): Promise<void> {
    try {
      for (let first = this.#pending[0]; first; first = this.#pending[0]) await this.#sendOne(first);
      this.#failures = 0;
    } catch {
      this.#wait();
    } finally {
      // At once: whoever hears that the last one was made may begin the next.
      this.#sending = undefined;
    }
  }

  /** Throws when there is no connection. */
  async #sendOne(pending: Pending): Promise<void> {
    const { transactionId, operations, expected } = pending;
    const body = { transactionId, operations: [...operations], expectedVersions: byTable(expected) };
    const answer = await this.#api.applyTransaction(body).catch((error: unknown) => {
      if (isAway(error)) throw error;
      this.#refused(pending, error);
    });
    if (answer) this.#made(pending, answer);
  }

  #wait(): void {
    for (const each of this.#pending) each.settle('queued');
    this.#retry = setTimeout(() => void this.#flushSoon(), backoff(this.#failures++, BASE, MOST));
  }

  #made(made: Pending, { records, position }: FoundRecords): void {
    this.#pending = this.#pending.filter((each) => each !== made);
    for (const operation of made.operations) {
      const record = records[operation.table]?.[operation.id];
      if (record) this.#keep(operation.table, record);
      else this.#remove(operation, position);
    }
    made.settle('made');
  }

  /** Take it out; what its author did after it stays, made on versions that are one lower now. */
  #refused(refused: Pending, error: unknown): void {
    this.#pending = this.#pending.filter((each) => each !== refused);
    const keys = new Set(refused.operations.map(keyOf));
    for (const { expected } of this.#pending) {
      for (const [key, version] of expected) {
        if (keys.has(key)) expected.set(key, version - 1);
      }
    }
    this.#show(refused.operations);
    refused.refuse(error);
  }

  #keep(table: string, record: AnyRecord): void {
    const pointer = { table, id: record.id };
    const isDoubted = this.#doubted.delete(keyOf(pointer));
    const known = this.#confirmed.get(keyOf(pointer))?.version ?? 0;
    if (known >= record.version && !isDoubted) return this.#show([pointer]);
    this.#confirmed.set(keyOf(pointer), record);
    this.#show([pointer]);
  }

  #remove(pointer: RecordPointer, position: number): void {
    this.#confirmed.delete(keyOf(pointer));
    this.#deleted.set(keyOf(pointer), position);
    this.#show([pointer]);
  }

  /** Show what the server said with what is pending on top. */
  #show(pointers: readonly RecordPointer[]): void {
    const changed = new Map(pointers.map((pointer) => [keyOf(pointer), pointer]));
    for (const [key, { table, id }] of changed) {
      const record = this.#pending.reduce((seen, each) => after(seen, each, key), this.#confirmed.get(key));
      if (record === this.#shown.get(key)) continue;
      if (record) this.#shown.set(key, record);
      else this.#shown.delete(key);
      this.#tell({ type: 'changed', table, id });
    }
  }

  #tell(event: CacheEvent): void {
    for (const callback of [...this.#listeners]) callback(event);
  }
}

/** One record after a pending transaction: one version further, however many operations. */
function after(record: AnyRecord | undefined, { operations, at }: Pending, key: string): AnyRecord | undefined {
  const own = operations.filter((operation) => keyOf(operation) === key);
  if (own.length === 0) return record;
  const result = own.reduce((before, operation) => applied(before, operation, at), record);
  return result && { ...result, version: (record?.version ?? 0) + 1 };
}

function byTable(versions: Map<string, number>): Record<string, Record<string, number>> {
  const tables: Record<string, Record<string, number>> = {};
  for (const [key, version] of versions) {
    const [table, id] = key.split(' ') as [string, string];
    (tables[table] ??= {})[id] = version;
  }
  return tables;
}

function move(step: Step, from: Step[], to: Step[]): void {
  const place = from.indexOf(step);
  if (place >= 0) from.splice(place, 1);
  to.push(step);
}

/** Whether it may be made yet: there was no answer, or the server had no time. */
function isAway(error: unknown): boolean {
  return [ConnectionFailed, ServiceUnavailable, Timeout, RateLimited].some((kind) => error instanceof kind);
}

function keyOf({ table, id }: RecordPointer): string {
  return `${table} ${id}`;
}

function now(): string {
  return new Date().toISOString().replace('Z', '000Z');
}
