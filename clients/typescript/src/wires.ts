/** The carriers of subscriptions: a WebSocket, or the event stream on platforms without WebSockets. */

import { AccordError, ConnectionFailed, NotFound, ResyncRequired } from './errors.js';
import type { Operations } from './generated/operations.gen.js';
import type { Change } from './generated/types.gen.js';

/** The position in a cursor: of two cursors of one history, the later one has the higher position. */
export function positionOf(cursor: string): number {
  return Number(cursor.slice(0, cursor.indexOf('.')));
}

/** The later one of two cursors. */
export function further(cursor: string, than: string | undefined): string {
  return than === undefined || positionOf(cursor) > positionOf(than) ? cursor : than;
}

/** A frame of the service, as in asyncapi.yaml. */
export type Frame =
  | { type: 'welcome'; serverTime: string; heartbeatSeconds: number }
  | { type: 'authenticated'; expiresAt: string }
  | { type: 'subscribed'; key: string; outcome: 'live' | 'replayed' | 'resync_required'; position: number; cursor: string }
  | ({ type: 'change' } & Change)
  | { type: 'revoked'; key: string; reason: string }
  | { type: 'error'; code: string; message: string; key?: string }
  | { type: 'pong' };

/** The listener of a wire. After `closed`, no more calls follow. */
export interface Listener {
  /** Subscriptions may be sent until `expiresAt`, in milliseconds since the epoch by the clock of this machine. */
  opened(expiresAt?: number): void;
  frame(frame: Frame): void;
  /** With an `error`, connecting again is of no use with this token, or at all. */
  closed(code: number, error?: unknown): void;
}

export interface Wire {
  subscribe(key: string, after: string | undefined): void;
  unsubscribe(key: string): void;
  /** Sign in again, with another token. */
  authenticate(token: string): void;
  /** Close without another call to the listener. */
  close(): void;
}

/** The close code of a connection without a session. */
export const UNAUTHENTICATED = 4401;
/** The close code of a connection that broke or was never open. */
export const LOST = 1006;
/** A third of the seconds that a connection may take until its first frame. */
const CONNECTING = 3;
/** Seconds between heartbeats of the service on a stream. */
const STREAM_HEARTBEAT = 25;
const MAX_KEYS_OF_STREAM = 50;
/** Milliseconds without a frame while a response is due; then the connection counts as dead. */
const SILENCE_TIMEOUT = 15_000;
/** Milliseconds that a response may take, with any frames before it: a replay over a slow line takes time. */
const RESPONSE_TIMEOUT = 60_000;

/** Notices a dead connection that no side closed: after two silent intervals it asks, after a third it gives up. */
class Watch {
  #timer: ReturnType<typeof setInterval> | undefined;
  #silent = 0;

  start(seconds: number, ask: () => void, giveUp: () => void): void {
    this.stop();
    this.#timer = setInterval(() => {
      this.#silent += 1;
      if (this.#silent > 2) giveUp();
      else if (this.#silent > 1) ask();
    }, seconds * 1000);
  }

  heard(): void {
    this.#silent = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/**
 * Notices a silent connection while a response is due, and a lost response while other frames arrive.
 *
 * Frames may come before a response, and each of them counts; but a response that is too far behind never comes.
 */
class Questions {
  readonly #open: { name: string; limit: ReturnType<typeof setTimeout> }[] = [];
  readonly #giveUp: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(giveUp: () => void) {
    this.#giveUp = giveUp;
  }

  asked(name: string): void {
    const limit = setTimeout(this.#giveUp, RESPONSE_TIMEOUT);
    if (this.#open.push({ name, limit }) === 1) this.#wait();
  }

  /** Note a response; an unrequested one changes nothing. */
  responded(name: string): void {
    const place = this.#open.findIndex((question) => question.name === name);
    if (place < 0) return;
    clearTimeout(this.#open.splice(place, 1)[0]!.limit);
    this.#wait();
  }

  /** Note any frame: while frames arrive, the connection lives. */
  heard(): void {
    if (this.#open.length > 0) this.#wait();
  }

  /** Expect no more responses. */
  clear(): void {
    for (const { limit } of this.#open.splice(0)) clearTimeout(limit);
    this.#wait();
  }

  #wait(): void {
    clearTimeout(this.#timer);
    if (this.#open.length > 0) this.#timer = setTimeout(this.#giveUp, SILENCE_TIMEOUT);
  }
}

/** The frame; undefined for a text that is no frame, which comes from a proxy on the way. */
function frameOf(text: string): Frame | undefined {
  try {
    const frame = JSON.parse(text) as Partial<Frame & { heartbeatSeconds: number }> | null;
    const isFrame = typeof frame?.type === 'string' && (frame.type !== 'welcome' || frame.heartbeatSeconds! > 0);
    return isFrame ? (frame as Frame) : undefined;
  } catch {
    return undefined;
  }
}

/** The name of the question whether the token is valid; all other questions have the name of a key. */
const TOKEN = '';

export class SocketWire implements Wire {
  readonly #socket: WebSocket;
  readonly #watch = new Watch();
  readonly #questions = new Questions(() => this.#end(LOST));
  #listener: Listener | undefined;
  /** Milliseconds by which the clock of the service is ahead of the clock of this machine. */
  #ahead = 0;

  constructor(socket: WebSocket, token: string, listener: Listener) {
    this.#listener = listener;
    this.#socket = socket;
    this.#socket.onmessage = (event) => this.#hear(String(event.data), token);
    this.#socket.onclose = (event) => this.#end(event.code);
    this.#watch.start(CONNECTING, () => undefined, () => this.#end(LOST));
  }

  subscribe(key: string, after: string | undefined): void {
    this.#questions.asked(key);
    this.#send({ type: 'subscribe', key, after });
  }

  unsubscribe(key: string): void {
    this.#send({ type: 'unsubscribe', key });
  }

  authenticate(token: string): void {
    this.#questions.asked(TOKEN);
    this.#send({ type: 'authenticate', token });
  }

  close(): void {
    this.#listener = undefined;
    this.#watch.stop();
    this.#questions.clear();
    this.#socket.close();
  }

  #hear(text: string, token: string): void {
    const frame = frameOf(text);
    if (frame) this.#take(frame, token);
    else this.#end(LOST);
  }

  #take(frame: Frame, token: string): void {
    this.#watch.heard();
    this.#questions.heard();
    const isResponse = frame.type === 'authenticated' || frame.type === 'subscribed' || frame.type === 'error';
    if (isResponse) this.#questions.responded(('key' in frame && frame.key) || TOKEN);
    if (frame.type === 'welcome') {
      this.#ahead = Date.parse(frame.serverTime) - Date.now();
      this.authenticate(token);
      this.#watch.start(frame.heartbeatSeconds, () => this.#send({ type: 'ping' }), () => this.#end(LOST));
    } else if (frame.type === 'authenticated') {
      this.#listener?.opened(Date.parse(frame.expiresAt) - this.#ahead);
    } else {
      this.#listener?.frame(frame);
    }
  }

  #send(frame: object): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #end(code: number): void {
    const listener = this.#listener;
    this.close();
    listener?.closed(code);
  }
}

/**
 * The event stream: its keys are in its address, so each new key needs a new stream, from the cursor of the old one.
 *
 * The stream begins at one cursor for all keys. Followers skip the changes that they have seen, as after a lost connection.
 */
export class StreamWire implements Wire {
  readonly #api: Operations;
  readonly #after = new Map<string, string | undefined>();
  readonly #told = new Set<string>();
  /** The latest cursor of a follower; the stream itself may begin before it. */
  #furthest: string | undefined;
  readonly #watch = new Watch();
  readonly #questions = new Questions(() => this.#end(LOST));
  #listener: Listener | undefined;
  #stream = new AbortController();
  #isDue = false;

  constructor(api: Operations, listener: Listener) {
    this.#api = api;
    this.#listener = listener;
    queueMicrotask(() => this.#listener?.opened());
  }

  subscribe(key: string, after: string | undefined): void {
    if (this.#after.size >= MAX_KEYS_OF_STREAM && !this.#after.has(key)) {
      const message = `An event stream follows at most ${MAX_KEYS_OF_STREAM} keys.`;
      this.#listener?.frame({ type: 'error', code: 'TOO_MANY_KEYS', message, key });
      return;
    }
    // The stream begins at the first of several cursors that are given together.
    if (!this.#isDue || this.#after.get(key) === undefined) this.#after.set(key, after);
    if (after !== undefined) this.#furthest = further(after, this.#furthest);
    this.#told.delete(key);
    this.#restart();
  }

  unsubscribe(key: string): void {
    // Later changes of this key are skipped, and the next stream is without the key.
    this.#after.delete(key);
    this.#questions.responded(key);
  }

  authenticate(): void {
    // A stream begins with the newest token, and stays open as long as the session.
  }

  close(): void {
    this.#listener = undefined;
    this.#watch.stop();
    this.#questions.clear();
    this.#stream.abort();
  }

  /** Begin a stream with all keys; keys that are given together begin one stream. */
  #restart(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#questions.clear();
      this.#stream.abort();
      this.#stream = new AbortController();
      void this.#run(this.#stream.signal);
    });
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      await this.#locate(signal);
      if (this.#after.size === 0) return;
      const after = await this.#begins(signal);
      const bytes = await this.#api.streamChanges({ keys: [...this.#after.keys()].join(','), after }, { signal });
      this.#watch.start(STREAM_HEARTBEAT, () => undefined, () => this.#end(LOST));
      for (const key of this.#after.keys()) this.#questions.asked(key);
      await this.#read(bytes);
      if (!signal.aborted) this.#end(LOST);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof NotFound) await this.#findRefused(signal);
      else this.#end(LOST, error instanceof ConnectionFailed ? undefined : error);
    }
  }

  /** The first cursor of the stream: the earliest, unless the latest is of another history; then all followers resync. */
  async #begins(signal: AbortSignal): Promise<string | undefined> {
    const known = [...this.#after.values()].filter((cursor) => cursor !== undefined);
    const earliest = known.reduce((one, other) => (further(one, other) === one ? other : one));
    const furthest = this.#furthest;
    if (furthest === undefined || furthest === earliest) return earliest;
    const [keys] = this.#after.keys();
    try {
      await this.#api.listChanges({ keys: keys!, after: furthest, limit: 1 }, { signal });
      return earliest;
    } catch (error) {
      if (error instanceof ResyncRequired) return furthest;
      throw error;
    }
  }

  /** Find the first cursor of new keys: the present end of the journal. */
  async #locate(signal: AbortSignal): Promise<void> {
    for (const [key, after] of [...this.#after]) {
      if (after === undefined) await this.#begin(key, signal);
    }
  }

  async #begin(key: string, signal: AbortSignal): Promise<void> {
    try {
      const { cursor } = await this.#api.listChanges({ keys: key }, { signal });
      if (this.#after.has(key)) this.#after.set(key, cursor);
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
      this.#refuse(key, error);
    }
  }

  /** Ask for each key, because the service refused one of them without its name. */
  async #findRefused(signal: AbortSignal): Promise<void> {
    try {
      for (const key of [...this.#after.keys()]) {
        await this.#api.listChanges({ keys: key }, { signal }).catch((error: unknown) => {
          if (!(error instanceof NotFound)) throw error;
          this.#refuse(key, error);
        });
      }
      this.#restart();
    } catch (error) {
      if (!signal.aborted) this.#end(LOST, error instanceof ConnectionFailed ? undefined : error);
    }
  }

  #refuse(key: string, error: AccordError): void {
    if (this.#after.delete(key)) this.#listener?.frame({ type: 'error', code: error.code, message: error.detail, key });
  }

  async #read(bytes: ReadableStream<Uint8Array>): Promise<void> {
    const reader = bytes.pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>).getReader();
    let rest = '';
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      this.#watch.heard();
      this.#questions.heard();
      const events = (rest + part.value).split('\n\n');
      rest = events.pop()!;
      for (const event of events) this.#take(event);
    }
  }

  #take(event: string): void {
    const data = /^data: (.*)$/m.exec(event)?.[1];
    if (data === undefined) return;
    const frame = JSON.parse(data) as Frame | { type?: undefined; code: number };
    if (frame.type === undefined) this.#end(frame.code);
    else if (!('key' in frame) || frame.key === undefined || this.#isFollowed(frame.key)) this.#pass(frame);
  }

  #isFollowed(key: string): boolean {
    return this.#after.has(key);
  }

  /** Hand a frame on, and note the cursor that the next stream begins after. */
  #pass(frame: Frame): void {
    if (frame.type !== 'change' && 'key' in frame && frame.key !== undefined) this.#questions.responded(frame.key);
    if (frame.type === 'change') this.#after.set(frame.key, further(frame.cursor, this.#after.get(frame.key)));
    if (frame.type === 'revoked') this.#after.delete(frame.key);
    // A stream that began again for another key confirms the old keys again.
    if (frame.type === 'subscribed') {
      if (frame.outcome === 'resync_required') this.#resynced(frame.key, frame.cursor);
      else if (this.#told.has(frame.key)) return;
      this.#told.add(frame.key);
    }
    this.#listener?.frame(frame);
  }

  #resynced(key: string, cursor: string): void {
    this.#after.set(key, cursor);
    this.#furthest = cursor;
  }

  #end(code: number, error?: unknown): void {
    const listener = this.#listener;
    this.close();
    listener?.closed(code, error);
  }
}
