/** Records by table and id, with transactions that show at once, wait for a connection, and can be undone. */

import { ConnectionFailed, NotFound, otherAccount, otherHistory, SignedOut } from './errors.js';
import type { CallOptions, Operations, RecordTypes } from './generated/operations.gen.js';
import type { Change, FoundRecords, RecordOperation, RecordPointer } from './generated/types.gen.js';
import { byTable, foundIn, HeldRecords, isResponse, keyOf, type Pending } from './heldRecords.js';
import type { Resync } from './follower.js';
import { type Live, recordKey, recordOf } from './live.js';
import { inverse, renaming } from './recordChanges.js';
import { isFinal, newKey, pauseOfQueue, sleep } from './retries.js';

/** The tables of the contract. */
export type Table = keyof RecordTypes & string;

/** An event for the listeners of a cache. */
export type CacheEvent =
  /** A record looks different, or no longer exists. */
  | { type: 'changed'; table: Table; id: string }
  /** The service refused a transaction, and the cache rolled it back. */
  | { type: 'refused'; transactionId: string; error: unknown }
  /** The cache no longer follows a key, because the account may not follow it. */
  | { type: 'lost'; key: string; error: unknown }
  /** The journal no longer has all changes. The cache has read its records again; read the rest of the list yourself. */
  | { type: 'resync'; key: string };

/** Whether the service made the transaction, or it waits for a connection. */
export type Outcome = 'made' | 'queued';

/** A record or a list that the cache keeps current. */
export interface Followed {
  /** Resolves when the record or list is current. */
  readonly ready: Promise<void>;
  stop(): void;
}

/** The operations that undo a transaction. */
type Steps = RecordOperation[];

interface Queued extends Pending {
  back: Steps;
  /** The stack that `back` is on. */
  stack: Steps[];
  /** The stack that its own operations were on, if it is an undo or a redo. */
  takenFrom: Steps[] | undefined;
  settle(outcome: Outcome): void;
  fail(error: unknown): void;
}

/** The limit of records in one request. */
const MAX_POINTERS = 1_000;

export class Cache {
  readonly #api: Operations;
  readonly #live: Live;
  readonly #accountNow: () => string | undefined;
  readonly #held = new HeldRecords<Queued>();
  readonly #listeners = new Map<object, (event: CacheEvent) => void>();
  readonly #done: Steps[] = [];
  readonly #undone: Steps[] = [];
  #account: string | undefined;
  #sending: Promise<void> | undefined;
  #readingAgain: Promise<void> | undefined;
  #onItsWay: Queued | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #isClosed = false;

  /** Use `accord.cache()`. */
  constructor(api: Operations, live: Live, account: () => string | undefined) {
    this.#api = api;
    this.#live = live;
    this.#accountNow = account;
    this.#account = account();
  }

  /** The number of transactions that the service has not made yet. */
  get pending(): number {
    return this.#held.pending.length;
  }

  /** The record with all pending transactions applied; undefined when the record is not here. */
  get<Name extends Table>(table: Name, id: string): RecordTypes[Name] | undefined {
    // The contract has the type of each table's records. The record is frozen, because the next change is made from it.
    return frozen(this.#held.get({ table, id })) as RecordTypes[Name] | undefined;
  }

  /** Take a record that you read yourself, unless a higher version is here. */
  put<Name extends Table>(table: Name, record: RecordTypes[Name]): void {
    this.#held.put({ table, id: record.id }, copied(record));
    this.#tellChanges();
  }

  /** Read records from the service; a record that the caller cannot see is removed here. */
  async load(pointers: readonly RecordPointer[], options?: CallOptions): Promise<void> {
    let requested = [...new Map(pointers.map((pointer) => [keyOf(pointer), pointer])).values()];
    while (requested.length > 0) {
      const part = requested.slice(0, MAX_POINTERS);
      const began = this.#held.tick();
      const found = await this.#api.queryRecords({ pointers: part }, { ...options, ...this.#asItsAccount() });
      if (!isResponse(found, [])) throw notTheServer();
      const again = part.filter((pointer) => !this.#held.read(pointer, foundIn(found, pointer), began));
      requested = [...requested.slice(part.length), ...again];
      this.#refuseVoid();
      this.#tellChanges();
    }
  }

  /** Call this function with every event, after the step that caused it; the returned function ends that. */
  listen(callback: (event: CacheEvent) => void): () => void {
    const listener = {};
    this.#listeners.set(listener, callback);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Change records, all or none. The change shows at once. When the service refuses it, it is rolled back and throws.
   *
   * Without a connection the transaction waits, and is sent, in order, with the next connection.
   */
  async transact(operations: readonly RecordOperation[]): Promise<Outcome> {
    this.#asItsAccount();
    this.#undone.length = 0;
    return this.#begin(copied(operations), this.#done);
  }

  /** Undo the last transaction, by another one; undefined without one. A deleted record comes back with a new id. */
  async undo(): Promise<Outcome | undefined> {
    return this.#takeBack(this.#done, this.#undone);
  }

  /** Make the last undone transaction again, by another one; undefined without one. */
  async redo(): Promise<Outcome | undefined> {
    return this.#takeBack(this.#undone, this.#done);
  }

  /** Send all waiting transactions now. Resolves when all are sent, or when a try fails. */
  async flush(): Promise<void> {
    await this.#sending; // A try on its way may fail for an earlier cause, so another one follows.
    await this.#flushSoon();
  }

  /** Keep a record current: the cache reads it now, and again after each change. */
  follow(table: Table, id: string, options: CallOptions = {}): Followed {
    return this.#follow(recordKey(table, id), (signal) => this.load([{ table, id }], { signal }), options);
  }

  /**
   * Keep the records of a list current: the cache reads each when it changes or enters the list.
   *
   * You read the present content of the list yourself once this is ready, and `put` it here; after a `resync`, again.
   */
  followList(key: string, options: CallOptions = {}): Followed {
    return this.#follow(key, () => Promise.resolve(), options);
  }

  /** Stop sending. Waiting transactions are lost with the cache; calls that wait for them get ConnectionFailed. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#listeners.clear();
    for (const queued of this.#held.pending) queued.fail(new ConnectionFailed('', CLOSED, undefined));
  }

  /** The account of this cache: the first that was signed in. Throws SignedOut under any other account. */
  #asItsAccount(): { account?: string } {
    const now = this.#accountNow();
    this.#account ??= now;
    if (now !== undefined && now !== this.#account) throw otherAccount();
    return this.#account === undefined ? {} : { account: this.#account };
  }

  #flushSoon(): Promise<void> {
    clearTimeout(this.#retry);
    if (this.pending > 0 && !this.#isClosed) this.#sending ??= this.#send();
    return this.#sending ?? Promise.resolve();
  }

  #follow(key: string, begin: (signal: AbortSignal) => Promise<void>, { signal }: CallOptions): Followed {
    const life = new AbortController();
    signal?.addEventListener('abort', () => life.abort(signal.reason), { once: true });
    if (signal?.aborted) life.abort(signal.reason);
    const changes = this.#live.follow([key], { signal: life.signal });
    const ready = changes.ready.then(() => begin(life.signal));
    ready.catch(() => undefined); // The listeners get the error as an event, too.
    void this.#keepCurrent(key, changes, ready, life);
    return { ready, stop: () => life.abort() };
  }

  async #keepCurrent(
    key: string,
    changes: AsyncIterable<Change | Resync>,
    ready: Promise<void>,
    life: AbortController,
  ): Promise<void> {
    try {
      await ready;
      for await (const change of changes) await this.#catchUp(change, life.signal);
    } catch (error) {
      if (life.signal.aborted) return;
      life.abort();
      const record = recordOf({ key });
      if (error instanceof NotFound && record) this.#held.remove(record, false);
      this.#tellChanges();
      this.#tell({ type: 'lost', key, error });
    }
  }

  async #catchUp(change: Change | Resync, signal: AbortSignal): Promise<void> {
    const record = recordOf(change);
    // The change does not come again, so the read is repeated until it succeeds.
    const read = () => untilItWorks(() => this.load(record ? [record] : [], { signal }), signal);
    if (change.kind === 'resync') {
      this.#held.doubtAll();
      await untilItWorks(() => this.#readDoubted(), signal);
      await read();
      this.#tell({ type: 'resync', key: change.key });
    } else if (!record || this.#held.isDeleted(record)) {
      return;
    } else if (change.kind === 'deleted') {
      this.#held.remove(record, true);
      this.#tellChanges();
    } else if (change.version > this.#held.version(record)) {
      await read();
    }
  }

  /** Read all doubted records again, once for all callers. */
  async #readDoubted(): Promise<void> {
    while (this.#held.doubted.size > 0) {
      this.#readingAgain ??= this.load([...this.#held.doubted.values()]).finally(() => {
        this.#readingAgain = undefined;
      });
      await this.#readingAgain;
    }
  }

  async #takeBack(stack: Steps[], other: Steps[]): Promise<Outcome | undefined> {
    this.#asItsAccount();
    const operations = stack.pop();
    if (!operations) return undefined;
    const rename = renaming(operations);
    for (const steps of [...this.#done, ...this.#undone]) steps.splice(0, steps.length, ...rename(steps));
    return this.#begin(rename(operations), other, stack);
  }

  #begin(operations: readonly RecordOperation[], stack: Steps[], takenFrom?: Steps[]): Promise<Outcome> {
    if (this.#isClosed) return Promise.reject(new Error('The cache was closed.'));
    if (operations.length === 0) return Promise.resolve('made');
    const at = new Date().toISOString().replace('Z', '000Z');
    const back = inverse(operations, (pointer) => this.#held.get(pointer), at);
    const claims = this.#held.claims(operations);
    return new Promise((settle, fail) => {
      this.#held.add({ transactionId: newKey(), operations, at, claims, back, stack, takenFrom, settle, fail });
      if (back.length > 0) stack.push(back);
      void this.#flushSoon();
      this.#tellChanges();
    });
  }

  /** Send the transactions one after another, in order, until none is left or one stays undecided. */
  async #send(): Promise<void> {
    try {
      for (let first = this.#held.pending[0]; first && !this.#isClosed; first = this.#held.pending[0]) {
        await this.#sendOne(first);
        this.#failures = 0;
      }
    } catch (error) {
      for (const each of this.#held.pending) each.settle('queued');
      const wait = pauseOfQueue(this.#failures++, error);
      if (!this.#isClosed) this.#retry = setTimeout(() => void this.#flushSoon(), wait);
    } finally {
      // At once, because the caller of the last transaction may begin the next one.
      this.#sending = undefined;
    }
  }

  /** Send one transaction; throws the error that leaves it undecided. */
  async #sendOne(queued: Queued): Promise<void> {
    const { transactionId, operations, claims } = queued;
    await this.#readDoubted();
    if (!this.#held.pending.includes(queued)) return;
    this.#onItsWay = queued;
    try {
      const body = { transactionId, operations: [...operations], expectedVersions: byTable(claims) };
      const found = await this.#api.applyTransaction(body, this.#asItsAccount());
      if (!isResponse(found, operations)) throw notTheServer();
      this.#made(queued, found);
    } catch (error) {
      if (!isFinal(error)) throw error;
      this.#takeOut(queued, error);
    } finally {
      this.#onItsWay = undefined;
      this.#refuseVoid();
    }
  }

  #made(queued: Queued, found: FoundRecords): void {
    this.#held.made(queued, found);
    queued.settle('made');
    this.#tellChanges();
  }

  /** Roll a refused transaction back, with the later ones that need a record that it was to create. */
  #takeOut(refused: Queued, error: unknown): void {
    if (!this.#held.pending.includes(refused)) return;
    const groundless = this.#held.refused(refused);
    const { stack, back, takenFrom, operations, transactionId } = refused;
    if (stack.includes(back)) stack.splice(stack.indexOf(back), 1);
    takenFrom?.push([...operations]); // A caller may try again after another read.
    refused.fail(error);
    this.#tellChanges();
    this.#tell({ type: 'refused', transactionId, error });
    for (const later of groundless) this.#takeOut(later, error);
  }

  #refuseVoid(): void {
    const all = this.#held.void;
    this.#held.void = all.filter((queued) => queued === this.#onItsWay);
    for (const queued of all) if (queued !== this.#onItsWay) this.#takeOut(queued, otherHistory());
  }

  #tellChanges(): void {
    const { changed } = this.#held;
    this.#held.changed = new Map();
    for (const { table, id } of changed.values()) this.#tell({ type: 'changed', table, id });
  }

  /** Call the listeners when this step is over, so that they always find the cache between two steps. */
  #tell(event: CacheEvent): void {
    for (const listener of this.#listeners.keys()) {
      queueMicrotask(() => {
        const callback = this.#listeners.get(listener);
        // This reports the error of a callback that throws, and of one that rejects.
        if (callback) void (async () => callback(event))().catch(globalThis.reportError ?? console.error);
      });
    }
  }
}

/** A copy. All values are JSON, and may be behind a Proxy, which `structuredClone` cannot copy. */
function copied<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}

/** The value, frozen with all values inside it. */
function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.values(value).forEach(frozen);
  return Object.freeze(value);
}

const CLOSED = 'The cache was closed. A read shows whether the change was made.';

async function untilItWorks(read: () => Promise<void>, signal: AbortSignal): Promise<void> {
  for (let tried = 0; ; tried++) {
    try {
      return await read();
    } catch (error) {
      if (signal.aborted || error instanceof SignedOut || isFinal(error)) throw error;
      await sleep(pauseOfQueue(tried, error), signal);
    }
  }
}

function notTheServer(): ConnectionFailed {
  return new ConnectionFailed('', 'The response is not from the service. A proxy on the way responded in its place.', undefined);
}
