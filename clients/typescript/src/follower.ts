/** One follower: the changes of its keys, in order and each once, as an iterator. */

import type { Change } from './generated/types.gen.js';
import { further, positionOf } from './wires.js';

/**
 * The journal no longer has all changes after your cursor, or it is another journal, after a restored backup. Delete the
 * versions that you hold, and read the record or the list again. Changes after `position` follow.
 */
export interface Resync {
  kind: 'resync';
  key: string;
  position: number;
  cursor: string;
}

/** The changes of some keys, in order, each once. Throws when the account may not follow a key, or no longer may. */
export interface Following extends AsyncIterableIterator<Change | Resync, undefined> {
  /** Resolves when the service has confirmed all subscriptions: later changes arrive. Rejects when a key is refused. */
  readonly ready: Promise<void>;
  /** Stop following. */
  return(): Promise<IteratorResult<Change | Resync, undefined>>;
}

export class Follower implements Following {
  readonly keys: readonly string[];
  readonly ready: Promise<void>;

  readonly #waiting = new Set<string>();
  readonly #seen = new Map<string, string>();
  readonly #queue: (Change | Resync)[] = [];
  readonly #leave: (follower: Follower) => void;
  #isOver = false;
  #error: unknown;
  #arriving: Promise<void> | undefined;
  #wake: () => void = () => undefined;
  #confirmation!: { resolve: () => void; reject: (error: unknown) => void };

  constructor(
    keys: readonly string[],
    after: string | undefined,
    leave: (follower: Follower) => void,
  ) {
    this.keys = keys;
    this.#leave = leave;
    this.ready = new Promise((resolve, reject) => {
      this.#confirmation = { resolve, reject };
    });
    this.ready.catch(() => undefined); // The iterator throws the same error.
    for (const key of keys) {
      this.#waiting.add(key);
      if (after !== undefined) this.#seen.set(key, after);
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Change | Resync, undefined>> {
    for (;;) {
      const value = this.#queue.shift();
      if (value) return { done: false, value };
      if (this.#isOver) {
        const error = this.#error;
        this.#error = undefined;
        if (error !== undefined) throw error;
        return { done: true, value: undefined };
      }
      await this.#arrival();
    }
  }

  async return(): Promise<IteratorResult<Change | Resync, undefined>> {
    this.end();
    return { done: true, value: undefined };
  }

  /** The last cursor seen for a key; undefined before its subscription has a cursor. */
  seen(key: string): string | undefined {
    return this.#seen.get(key);
  }

  begin(key: string, cursor: string, isResync: boolean, isCaughtUp: boolean): void {
    const seen = this.#seen.get(key);
    if (isResync && seen !== undefined) this.#put({ kind: 'resync', key, position: positionOf(cursor), cursor });
    if (seen === undefined || isResync) this.#seen.set(key, cursor);
    else if (isCaughtUp) this.#seen.set(key, further(cursor, seen));
    this.#waiting.delete(key);
    if (this.#waiting.size === 0) this.#confirmation.resolve();
  }

  take(change: Change): void {
    const seen = this.#seen.get(change.key);
    // Skip a change that was replayed for another follower, or sent twice.
    if (seen === undefined || change.position <= positionOf(seen)) return;
    this.#seen.set(change.key, change.cursor);
    this.#put(change);
  }

  end(error?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#leave(this);
    this.#confirmation.reject(error ?? new DOMException('The subscription ended before the service confirmed it.', 'AbortError'));
    this.#wake();
  }

  /** Resolves with the next arrival, for all calls that wait. */
  #arrival(): Promise<void> {
    this.#arriving ??= new Promise((resolve) => {
      this.#wake = () => {
        this.#arriving = undefined;
        resolve();
      };
    });
    return this.#arriving;
  }

  #put(value: Change | Resync): void {
    this.#queue.push(value);
    this.#wake();
  }
}
