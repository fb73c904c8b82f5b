/** Live updates: one connection for each client, opened with the first subscription and closed with the last. */

import { errorOfCode, ServiceUnavailable, Timeout, Unauthorized, type AccordError } from './errors.js';
import { Follower, type Following } from './follower.js';
import type { ListType, Operations, RecordTypes } from './generated/operations.gen.js';
import type { ChangedRecord, RecordPointer } from './generated/types.gen.js';
import { backoff } from './retries.js';
import {
  type Frame,
  further,
  type Listener,
  LOST,
  positionOf,
  SocketWire,
  StreamWire,
  UNAUTHENTICATED,
  type Wire,
} from './wires.js';

/** The live key of a record. */
export function recordKey(table: keyof RecordTypes, id: string): string {
  return `getRecord:${table}:${id}`;
}

/** The live key of a list: the `conversations` of your account, or the `messages` of a conversation. */
export function listKey(ownerId: string, listType: ListType): string {
  return `getList:${ownerId}:${listType}`;
}

/** The record of a change or of a key; undefined for a list as a whole. */
export function recordOf({ key, record }: { key: string; record?: ChangedRecord }): RecordPointer | undefined {
  const [method, table, id] = key.split(':');
  const named = record ?? (method === 'getRecord' ? { table: table!, id: id! } : undefined);
  return named as RecordPointer | undefined; // A table that is newer than this package is read, too.
}

export interface FollowOptions {
  /** The cursor to begin after, such as that of `queryRecords`; without a cursor, changes from now on arrive. */
  after?: string;
  /** Ends the subscription. */
  signal?: AbortSignal;
}

/** The parts of a client that live updates use. */
export interface LiveParts {
  api: Operations;
  accessToken(): Promise<string | undefined>;
  renewed(stale: string): Promise<string>;
  /** Makes a socket; without this function, live updates arrive over the event stream. */
  socket: (() => WebSocket) | undefined;
}

const FIRST_PAUSE = 250; // Milliseconds before another connection, as a limit; each failure doubles it.
const LONGEST_PAUSE = 15_000;
/** Milliseconds after which a connection counts as steady, so that the next pause is short again. */
const STEADY = 5_000;
/** Milliseconds, at the most, before a key is requested again that no worker could check. */
const AGAIN = 1_000;

/** The key as the service writes it, with its id in lower case. */
const asTold = (key: string): string => key.replace(/[0-9A-Fa-f-]{36}/, (id) => id.toLowerCase());

/** One key on the wire, for all its followers. */
interface Subscription {
  followers: Set<Follower>;
  /** The last cursor received; undefined until the service has confirmed the subscription. */
  cursor: string | undefined;
  /** Whether the key is requested again soon, as no worker could check it. */
  isDelayed: boolean;
}

export class Live {
  readonly #parts: LiveParts;
  readonly #listener: Listener = {
    opened: (expiresAt) => this.#opened(expiresAt),
    frame: (frame) => this.#take(frame),
    closed: (code, error) => this.#closed(code, error),
  };
  readonly #subscriptions = new Map<string, Subscription>();
  #wire: Wire | undefined;
  #isOpen = false;
  #isConnecting = false;
  #failures = 0;
  #openedAt = 0;
  #token = '';
  #retry: ReturnType<typeof setTimeout> | undefined;
  #renewal: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: LiveParts) {
    this.#parts = parts;
  }

  /**
   * Follow records and lists by key; `recordKey` and `listKey` make one.
   *
   * The subscription survives lost connections: changes made meanwhile arrive in order and once, or else a `Resync`.
   */
  follow(keys: readonly string[], { after, signal }: FollowOptions = {}): Following {
    const follower = new Follower([...new Set(keys.map(asTold))], after, (ended) => {
      signal?.removeEventListener('abort', abort);
      this.#leave(ended);
    });
    const abort = () => follower.end(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    for (const key of follower.keys) this.#join(key, follower);
    if (signal?.aborted) abort();
    else if (keys.length > 0) this.#connect();
    return follower;
  }

  /** Cut the connection, as a network would; the client connects again by itself. For tests. */
  disconnect(): void {
    if (!this.#wire) return;
    this.#wire.close();
    this.#closed(LOST);
  }

  /** End all subscriptions. */
  close(): void {
    for (const { followers } of [...this.#subscriptions.values()]) for (const each of [...followers]) each.end();
  }

  #opened(expiresAt: number | undefined): void {
    if (expiresAt !== undefined) this.#renewBefore(expiresAt);
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#openedAt = Date.now();
    for (const [key, subscription] of this.#subscriptions) this.#subscribe(key, subscription);
  }

  #take(frame: Frame): void {
    if (frame.type === 'error' && frame.key === undefined) return this.#refused(frame.code);
    if (!('key' in frame) || frame.key === undefined) return;
    const subscription = this.#subscriptions.get(frame.key);
    if (!subscription) return;
    if (frame.type === 'subscribed') this.#subscribed(subscription, frame);
    else if (frame.type === 'change') this.#changed(subscription, frame);
    else this.#lost(frame.key, subscription, frame);
  }

  #closed(code: number, error?: unknown): void {
    this.#wire = undefined;
    this.#isOpen = false;
    clearTimeout(this.#renewal);
    for (const subscription of this.#subscriptions.values()) subscription.cursor = undefined;
    if (error instanceof Unauthorized) return this.#fail(error);
    if (code === UNAUTHENTICATED) void this.#renewAndConnect();
    else this.#connectLater();
  }

  #join(key: string, follower: Follower): void {
    const known = this.#subscriptions.get(key);
    if (!known) {
      const subscription = { followers: new Set([follower]), cursor: undefined, isDelayed: false };
      this.#subscriptions.set(key, subscription);
      if (this.#isOpen) this.#subscribe(key, subscription);
      return;
    }
    known.followers.add(follower);
    if (known.cursor === undefined) return; // The confirmation of the service is for all followers.
    const from = follower.seen(key);
    if (from === undefined) follower.begin(key, known.cursor, false, true);
    else this.#subscribe(key, known); // The service replays the changes that this follower missed; the others skip them.
  }

  #leave(follower: Follower): void {
    for (const key of follower.keys) {
      const subscription = this.#subscriptions.get(key);
      if (!subscription?.followers.delete(follower) || subscription.followers.size > 0) continue;
      this.#subscriptions.delete(key);
      if (this.#isOpen) this.#wire?.unsubscribe(key);
    }
    if (this.#subscriptions.size === 0) this.#stop();
  }

  #stop(): void {
    this.#wire?.close();
    this.#wire = undefined;
    this.#isOpen = false;
    clearTimeout(this.#retry);
    clearTimeout(this.#renewal);
    this.#retry = undefined;
  }

  #subscribe(key: string, { followers }: Subscription): void {
    const cursors = new Set([...followers].map((each) => each.seen(key)).filter((seen) => seen !== undefined));
    // One request for each cursor, because the service checks each; the earliest cursor comes first.
    const inOrder = [...cursors].sort((one, other) => positionOf(one) - positionOf(other));
    for (const after of cursors.size > 0 ? inOrder : [undefined]) this.#wire?.subscribe(key, after);
  }

  #subscribed(subscription: Subscription, frame: Extract<Frame, { type: 'subscribed' }>): void {
    const isResync = frame.outcome === 'resync_required';
    const { cursor } = subscription;
    subscription.cursor = isResync || cursor === undefined ? frame.cursor : further(frame.cursor, cursor);
    for (const each of subscription.followers) each.begin(frame.key, frame.cursor, isResync, frame.outcome === 'live');
  }

  #changed(subscription: Subscription, { type: _, ...change }: Extract<Frame, { type: 'change' }>): void {
    const { cursor } = subscription;
    if (cursor !== undefined) subscription.cursor = further(change.cursor, cursor);
    for (const each of subscription.followers) each.take(change);
  }

  #lost(key: string, subscription: Subscription, frame: Extract<Frame, { type: 'revoked' | 'error' }>): void {
    const [code, why] = frame.type === 'revoked' ? ['NOT_FOUND', frame.reason] : [frame.code, frame.message];
    const error = errorOfCode(code, why, key);
    if (error instanceof ServiceUnavailable || error instanceof Timeout) return this.#subscribeAgain(key, subscription);
    this.#subscriptions.delete(key);
    for (const each of [...subscription.followers]) each.end(error);
  }

  /** No worker could check the key: request it again, for all its followers. */
  #subscribeAgain(key: string, subscription: Subscription): void {
    subscription.cursor = undefined;
    if (subscription.isDelayed) return;
    subscription.isDelayed = true;
    setTimeout(() => {
      subscription.isDelayed = false;
      const isMissing = subscription.cursor === undefined && this.#subscriptions.get(key) === subscription;
      if (this.#isOpen && isMissing) this.#subscribe(key, subscription);
    }, AGAIN * (0.5 + Math.random() / 2));
  }

  /** An error of the connection itself: the service refused its token. Every other error names a key. */
  #refused(code: string): void {
    if (this.#isOpen || !/^(UNAUTHORIZED|TOKEN_EXPIRED)$/.test(code)) return;
    this.#wire?.close();
    this.#closed(UNAUTHENTICATED);
  }

  #fail(error: AccordError): void {
    for (const { followers } of [...this.#subscriptions.values()]) for (const each of [...followers]) each.end(error);
  }

  #connect(): void {
    if (this.#wire || this.#isConnecting || this.#retry) return;
    this.#isConnecting = true;
    void this.#open().finally(() => {
      this.#isConnecting = false;
    });
  }

  async #open(): Promise<void> {
    const { api, socket } = this.#parts;
    try {
      const token = await this.#parts.accessToken();
      if (token === undefined) throw errorOfCode('UNAUTHORIZED', 'Sign in before you follow changes.', '');
      if (this.#subscriptions.size === 0) return;
      this.#token = token;
      this.#wire = socket ? new SocketWire(socket(), token, this.#listener) : new StreamWire(api, this.#listener);
    } catch (error) {
      if (error instanceof Unauthorized) this.#fail(error);
      else this.#connectLater();
    }
  }

  async #renewAndConnect(): Promise<void> {
    try {
      await this.#parts.renewed(this.#token);
      this.#connectLater();
    } catch (error) {
      if (error instanceof Unauthorized) this.#fail(error);
      else this.#connectLater();
    }
  }

  #connectLater(): void {
    if (this.#subscriptions.size === 0 || this.#retry) return;
    if (this.#openedAt > 0 && Date.now() - this.#openedAt > STEADY) this.#failures = 0;
    this.#openedAt = 0;
    const wait = backoff(this.#failures++, FIRST_PAUSE, LONGEST_PAUSE);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#connect();
    }, wait);
  }

  /** Sign the connection in again shortly before its token expires, when the session renews the token anyway. */
  #renewBefore(expiresAt: number): void {
    clearTimeout(this.#renewal);
    const left = expiresAt - Date.now();
    this.#renewal = setTimeout(() => void this.#stay(), Math.max(1_000, left - Math.min(29_000, left * 0.09)));
  }

  async #stay(): Promise<void> {
    try {
      const token = await this.#parts.accessToken();
      if (token === undefined) return;
      this.#token = token;
      this.#wire?.authenticate(token);
    } catch (error) {
      if (error instanceof Unauthorized) this.#fail(error);
      else this.#renewal = setTimeout(() => void this.#stay(), 5_000);
    }
  }
}
