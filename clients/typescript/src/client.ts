/** The client: every operation of the contract as a method, signed in, and sent again where that is safe. */

import { Cache } from './cache.js';
import { updateWithRetry, type UpdateOptions } from './conflicts.js';
import { AccordError, ConnectionFailed, Unauthorized, errorOf, otherAccount } from './errors.js';
import { createClient } from './generated/client/client.gen.js';
import { type Call, type CallOptions, type LoginInput, Operations } from './generated/operations.gen.js';
import type { Job, User } from './generated/types.gen.js';
import { waitForJob } from './jobs.js';
import { Live } from './live.js';
import { iterate, type Lists } from './pages.js';
import { unlessAborted, withRetries } from './retries.js';
import { accountOf, memoryTokens, Session, type TokenStore } from './tokens.js';

export interface AccordOptions {
  /** The address of the service, such as `https://accord.example.com`. */
  baseUrl: string;
  /** The store of the session's tokens; the memory of the program by default. */
  tokens?: TokenStore;
  /** The limit of tries after the first, where another try is safe; 3 by default, 0 for none. */
  retries?: number;
  /** Milliseconds that one try may take; 30,000 by default. */
  timeout?: number;
  /** The headers of every request. */
  headers?: Record<string, string>;
  /** The function that sends requests, instead of the `fetch` of the platform. */
  fetch?: typeof fetch;
  /** The function that makes the socket of live updates, instead of the `WebSocket` of the platform. */
  webSocket?: (url: string) => WebSocket;
  /** The carrier of live updates; by default a socket, where the platform has one. */
  liveOver?: 'socket' | 'stream';
}

/** The error codes of Node for a service that was not reached, so that nothing was sent. */
const UNREACHED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

export class Accord extends Operations {
  /** Follows records and lists as they change. */
  readonly live: Live;

  readonly #options: AccordOptions;
  readonly #session: Session;
  readonly #http = createClient();

  constructor(options: AccordOptions) {
    super();
    this.#options = options;
    this.#session = new Session(options.tokens ?? memoryTokens(), (refreshToken) => this.refresh({ refreshToken }));
    this.live = new Live({
      api: this,
      accessToken: () => this.#session.accessToken(),
      renewed: (stale) => this.#session.renewed(stale),
      socket: socketOf(options),
    });
  }

  /** Sign in; later calls are made as this account. */
  async signIn(input: LoginInput, options: CallOptions = {}): Promise<User> {
    const response = await this.login(input, options);
    await this.#session.begin(response);
    return response.user;
  }

  /** End the session, here at once and then in the service. */
  async signOut(options: CallOptions = {}): Promise<void> {
    this.live.close();
    const refreshToken = await this.#session.end();
    if (refreshToken !== undefined) await this.logout({ refreshToken }, options);
  }

  /** Every item of a list, read page by page: `accord.iterate(accord.listMessages, {conversationId})`. */
  iterate<Input extends object, Item>(
    list: Lists<Input, Item>,
    input: NoInfer<Input>,
    options?: CallOptions,
  ): AsyncGenerator<Item, void, undefined> {
    return iterate(list.bind(this), input, options);
  }

  /** Read, change and write; after a version conflict, again. `change` writes with the version that it gets. */
  updateWithRetry<Current, Result>(
    read: () => Promise<Current>,
    change: (current: Current) => Promise<Result>,
    options?: UpdateOptions,
  ): Promise<Result> {
    return updateWithRetry(read, change, options);
  }

  /**
   * A job once it has ended; throws the error of its problem, if it has one. `result.body` of a completed job of an
   * operation is the response. A cancelled job has no result.
   */
  waitForJob(jobId: string, options: CallOptions = {}): Promise<Job> {
    return waitForJob(() => this.getJob({ jobId }, options), options.signal);
  }

  /** A cache of records, with transactions that show at once. */
  cache(): Cache {
    return new Cache(this, this.live, () => this.#session.account());
  }

  protected override async call<Result>(call: Call, { signal, account }: CallOptions): Promise<Result> {
    signal?.throwIfAborted();
    const { retries = 3, baseUrl, headers } = this.#options;
    const data = await this.#http.request<{ ok: Result }, unknown, true, 'data'>({
      baseUrl: baseUrl.replace(/\/$/, ''),
      method: call.method,
      url: call.url,
      path: call.path,
      query: call.query,
      body: call.body,
      headers: { ...headers, ...(call.body && { 'Content-Type': 'application/json' }), ...call.headers },
      parseAs: call.gives === 'nothing' ? 'text' : call.gives,
      responseStyle: 'data',
      throwOnError: true,
      fetch: (request) =>
        withRetries(call, retries, signal, () => this.#authorized(request as Request, call, signal, account)),
    });
    return call.gives === 'nothing' ? (undefined as Result) : data;
  }

  /** Send with the access token; when the service refuses that token, once again with the next one. */
  async #authorized(request: Request, call: Call, signal: AbortSignal | undefined, account?: string): Promise<Response> {
    const token = call.signedIn ? await unlessAborted(this.#session.accessToken(), signal) : undefined;
    requireAccount(token, account);
    try {
      return await this.#once(request, call, signal, token);
    } catch (error) {
      if (token === undefined || !(error instanceof Unauthorized)) throw error;
      const next = await unlessAborted(this.#session.renewed(token), signal);
      requireAccount(next, account);
      return this.#once(request, call, signal, next);
    }
  }

  /** Send once; a problem, or no response in time, is thrown. */
  async #once(request: Request, call: Call, signal: AbortSignal | undefined, token?: string): Promise<Response> {
    const { timeout = 30_000 } = this.#options;
    const controller = new AbortController();
    const abort = () => controller.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    const timer = setTimeout(() => controller.abort(), timeout);
    try {
      return await this.#response(request, call, controller.signal, token);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof AccordError) throw error;
      throw connectionFailed(request.url, error, controller.signal.aborted ? timeout : undefined);
    } finally {
      clearTimeout(timer);
      // A stream goes on, and its reader may still abort it.
      if (call.gives !== 'stream') signal?.removeEventListener('abort', abort);
    }
  }

  async #response(request: Request, call: Call, signal: AbortSignal, token: string | undefined): Promise<Response> {
    const copy = new Request(request.clone(), { signal });
    if (token !== undefined) copy.headers.set('Authorization', `Bearer ${token}`);
    const response = await (this.#options.fetch ?? fetch)(copy);
    if (!response.ok) throw errorOf(response.status, await response.text(), response.headers);
    if (call.gives === 'stream') return response;
    // Read the whole body, so that a connection that breaks in the middle counts as one without a response.
    const { status, headers } = response;
    const text = await response.text();
    if (call.gives === 'json' && !isJson(text)) throw errorOf(status, text, headers);
    return new Response(text === '' ? null : text, { status, headers });
  }
}

function isJson(text: string): boolean {
  try {
    return JSON.parse(text) !== undefined;
  } catch {
    return false;
  }
}

function requireAccount(token: string | undefined, account: string | undefined): void {
  if (token !== undefined && account !== undefined && accountOf(token) !== account) throw otherAccount();
}

function socketOf({ baseUrl, webSocket, liveOver }: AccordOptions): (() => WebSocket) | undefined {
  if (liveOver === 'stream' || !(webSocket || 'WebSocket' in globalThis)) return undefined;
  const url = `${baseUrl.replace(/^http/, 'ws').replace(/\/$/, '')}/api/v1/ws`;
  return () => (webSocket ? webSocket(url) : new WebSocket(url));
}

function connectionFailed(url: string, error: unknown, timeout: number | undefined): ConnectionFailed {
  const { code } = ((error as Error).cause ?? {}) as { code?: string };
  const why = timeout === undefined ? (code ?? String(error)) : `nothing came within ${timeout} ms`;
  const detail = `No response arrived (${why}). Check the connection; read the record to see whether a change was made.`;
  return new ConnectionFailed(url, detail, error, code !== undefined && UNREACHED.has(code));
}
