/** The rules of the service, with a network in between on which everything may go wrong, for the model of the cache. */

import type { AnyRecord, RecordOperation } from '@accord/client';

import { applied } from '../dist/recordChanges.js';

export const TABLE = 'conversations';
export const RECORDS = [1, 2].map((number) => `00000000-0000-0000-0000-00000000000${number}`);
const NOW = '2026-01-31T09:30:00.000000Z';
const PAGE = ['<html>Sign in to this network</html>', { 'X-Request-Id': '1'.repeat(32) }] as const;

/** Responses of a proxy in the place of the service, or of the service without a word about the transaction. */
export const INSTEAD: Readonly<Record<string, () => Response>> = {
  'a page of a captive portal': () => response(200, ...PAGE),
  'JSON of somebody else': () => response(200, '{"ok":true}'),
  'a forbidding proxy': () => response(403, ...PAGE),
  'a proxy that knows nothing of it': () => response(404, '{"code":"NOT_FOUND","message":"no route"}'),
  'a proxy that wants a sign-in': () => response(407, ...PAGE),
  'a proxy without a service': () => response(502, ...PAGE),
  "a proxy's own status": () => response(520, ...PAGE),
  'a fault': () => response(500, problem(500, 'INTERNAL_ERROR')),
  'a restart': () => response(503, problem(503, 'SERVICE_UNAVAILABLE', { retryAfter: 1 })),
  'a limit': () => response(429, problem(429, 'RATE_LIMIT_EXCEEDED', { retryAfter: 2 })),
  'a slow request': () => response(408, ...PAGE),
  'a timeout': () => response(504, problem(504, 'TIMEOUT')),
};

interface Row {
  version: number;
  title: string;
  tags: string[];
  archivedAt: string | null;
}
interface Body {
  transactionId: string;
  operations: RecordOperation[];
  expectedVersions?: Record<string, Record<string, number>>;
  pointers: { id: string }[];
}
interface ModelResponse {
  status: number;
  body: object;
}
type Told = { type: string } & Record<string, unknown>;

/** A request on its way; `response` is set once the service has done it. */
export interface Request {
  path: string;
  client: string;
  account: string;
  body: Body;
  response?: ModelResponse;
  resolve(response: Response): void;
  reject(error: unknown): void;
}

class Refused extends Error {
  readonly response: ModelResponse;

  constructor(status: number, code: string) {
    super(code);
    this.response = { status, body: JSON.parse(problem(status, code)) as object };
  }
}

export class Service {
  records = new Map<string, Row>(RECORDS.map((id) => [id, { version: 1, title: 'first', tags: [], archivedAt: null }]));
  journal: { id: string; version: number; kind: string; client: string }[] = [];
  transactions = new Map<string, [string, object]>();
  history = 1;
  /** Whether everything goes through at once. */
  isCalm = false;
  requests: Request[] = [];
  readonly sockets = new Set<Socket>();
  readonly goodTokens = new Set<string>();
  readonly applied: string[] = [];
  /** The first rule that did not hold. */
  broken: unknown;
  /** What must hold when a transaction is applied, and when it is refused for a version. */
  onApply: (request: Request, before: Map<string, Row>) => void = () => undefined;
  onConflict: (request: Request, id: string) => void = () => undefined;
  #number = 0;

  token(account: string): string {
    const claims = btoa(JSON.stringify({ sub: account, n: ++this.#number }));
    this.goodTokens.add(`x.${claims}.x`);
    return `x.${claims}.x`;
  }

  socket(): Socket {
    return new Socket(this);
  }

  cursor(position: number): string {
    return `${position}.${this.history.toString(16).padStart(8, '0')}`;
  }

  readonly fetch = async (request: globalThis.Request): Promise<Response> => {
    const body = JSON.parse((await request.text()) || '{}') as Body & { refreshToken: string };
    const path = new URL(request.url).pathname.replace('/api/v1/', '');
    try {
      if (path === 'auth/refresh') return response(200, JSON.stringify(this.#refreshed(body.refreshToken)));
      const account = this.account(request.headers.get('Authorization')?.replace('Bearer ', ''));
      return await this.#sent({ path, client: request.headers.get('x-client')!, account, body }, request.signal);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return response(error.response.status, JSON.stringify(error.response.body));
    }
  };

  account(token: string | undefined): string {
    if (token === undefined || !this.goodTokens.has(token)) throw new Refused(401, 'TOKEN_EXPIRED');
    return (JSON.parse(atob(token.split('.')[1]!)) as { sub: string }).sub;
  }

  /** Do what a request asks, unless it was done. */
  do(request: Request): void {
    try {
      request.response ??= { status: 200, body: request.path === 'transactions' ? this.#transaction(request) : this.#query(request) };
    } catch (error) {
      if (!(error instanceof Refused)) this.broken ??= error;
      request.response = error instanceof Refused ? error.response : { status: 503, body: {} };
    }
  }

  save(id: string, row: Omit<Row, 'version'> | undefined, client: string): void {
    const version = (this.records.get(id)?.version ?? 0) + 1;
    const kind = !row ? 'deleted' : version > 1 ? 'updated' : 'created';
    if (row) this.records.set(id, { ...row, version });
    else this.records.delete(id);
    this.journal.push({ id, version, kind, client });
    for (const socket of this.sockets) socket.changed(this.journal.length);
  }

  /** Go back to a backup, and on from there in another history. Whoever is connected is cut. */
  backup(): () => void {
    const [records, journal, transactions] = [new Map(this.records), [...this.journal], new Map(this.transactions)];
    return () => {
      [this.records, this.journal, this.transactions] = [new Map(records), [...journal], new Map(transactions)];
      this.history += 1;
      for (const socket of [...this.sockets]) socket.cut();
    };
  }

  #sent(parts: Omit<Request, 'resolve' | 'reject'>, signal: AbortSignal): Promise<Response> {
    return new Promise((resolve, reject) => {
      const request = { ...parts, resolve, reject };
      signal.addEventListener('abort', () => reject(signal.reason));
      if (!this.isCalm) return void this.requests.push(request);
      this.do(request);
      resolve(responded(request));
    });
  }

  #refreshed(token: string): object {
    if (!this.goodTokens.has(token)) throw new Refused(401, 'INVALID_CREDENTIALS');
    return { accessToken: this.token(this.account(token)), refreshToken: token, expiresIn: 900, tokenType: 'Bearer', user: {} };
  }

  #found(ids: readonly string[]): { records: Record<string, Record<string, object>>; position: number; cursor: string } {
    const there = ids.filter((id) => this.records.has(id)).map((id) => [id, { id, ...this.records.get(id) }]);
    const position = this.journal.length;
    return { records: { [TABLE]: Object.fromEntries(there) as Record<string, object> }, position, cursor: this.cursor(position) };
  }

  #query({ body }: Request): object {
    return this.#found(body.pointers.map(({ id }) => id));
  }

  #transaction(request: Request): object {
    const key = `${request.account} ${request.body.transactionId}`;
    const text = JSON.stringify(request.body);
    const [before, first] = this.transactions.get(key) ?? [];
    if (first && before !== text) throw new Refused(422, 'IDEMPOTENCY_KEY_REUSED');
    if (first) return first;
    const made = this.#apply(request);
    this.transactions.set(key, [text, made]);
    return made;
  }

  #apply(request: Request): object {
    const { transactionId, operations, expectedVersions } = request.body;
    for (const [id, version] of Object.entries(expectedVersions?.[TABLE] ?? {})) {
      const current = this.records.get(id);
      if (!current) throw new Refused(404, 'NOT_FOUND');
      if (current.version === version) continue;
      this.onConflict(request, id);
      throw new Refused(409, 'VERSION_CONFLICT');
    }
    const after = new Map<string, AnyRecord | undefined>();
    for (const operation of operations) {
      const before = after.has(operation.id) ? after.get(operation.id) : (this.records.get(operation.id) as AnyRecord | undefined);
      if (operation.op === 'create' ? before : !before) throw new Refused(404, 'NOT_FOUND');
      after.set(operation.id, applied(before, operation, NOW));
    }
    if ([...after.values()].some((record) => record?.title === '')) throw new Refused(400, 'VALIDATION_ERROR');
    const ids = [...after.keys()];
    this.onApply(request, new Map(ids.filter((id) => this.records.has(id)).map((id) => [id, this.records.get(id)!])));
    for (const [id, record] of after) {
      const { id: _, version: __, ...row } = record ?? { id, version: 0 };
      if (record || this.records.has(id)) this.save(id, record && ({ tags: [], archivedAt: null, ...row } as unknown as Row), request.client);
    }
    this.applied.push(transactionId);
    return this.#found(ids);
  }
}

/** A live socket. What the service says waits until it is let through; a cut loses it. */
export class Socket {
  readonly OPEN = 1;
  readyState = 1;
  onmessage: (event: { data: string }) => void = () => undefined;
  onclose: (event: { code: number }) => void = () => undefined;
  waiting: Told[] = [];
  readonly past: Told[] = [];
  readonly #keys = new Set<string>();
  readonly #service: Service;

  constructor(service: Service) {
    this.#service = service;
    service.sockets.add(this);
    this.#say({ type: 'welcome', serverTime: new Date().toISOString(), heartbeatSeconds: 25 });
  }

  close(): void {
    this.readyState = 3;
    this.#service.sockets.delete(this);
  }

  cut(): void {
    if (this.readyState !== 1) return;
    this.close();
    queueMicrotask(() => this.onclose({ code: 1006 }));
  }

  letThrough(limit = Infinity): void {
    for (const frame of this.waiting.splice(0, limit)) {
      if (frame.type === 'change') this.past.push(frame);
      queueMicrotask(() => this.readyState === 1 && this.onmessage({ data: JSON.stringify(frame) }));
    }
  }

  /** Have a change come once more. */
  repeat(number: number): void {
    if (this.past.length === 0) return;
    this.waiting.unshift(this.past[number % this.past.length]!);
    this.letThrough(1);
  }

  send(text: string): void {
    const frame = JSON.parse(text) as { type: string; token: string; key: string; after?: string };
    if (frame.type === 'ping') this.#say({ type: 'pong' });
    if (frame.type === 'authenticate') this.#authenticate(frame.token);
    if (frame.type === 'unsubscribe') this.#keys.delete(frame.key);
    if (frame.type === 'subscribe') this.#subscribe(frame.key, frame.after);
  }

  changed(position: number): void {
    const { id, version, kind } = this.#service.journal[position - 1]!;
    const key = `getRecord:${TABLE}:${id}`;
    const place = { position, cursor: this.#service.cursor(position) };
    if (this.#keys.has(key)) this.#say({ type: 'change', key, ...place, version, kind, at: NOW });
  }

  #authenticate(token: string): void {
    try {
      this.#service.account(token);
      this.#say({ type: 'authenticated', userId: '', expiresAt: new Date(Date.now() + 1e8).toISOString() });
    } catch {
      this.#say({ type: 'error', code: 'UNAUTHORIZED', message: 'No.' });
    }
  }

  #subscribe(key: string, after?: string): void {
    const position = this.#service.journal.length;
    const cursor = this.#service.cursor(position);
    const [from, digits] = (after ?? cursor).split('.') as [string, string];
    const fits = digits === cursor.split('.')[1] && Number(from) <= position;
    const outcome = after === undefined ? 'live' : fits ? 'replayed' : 'resync_required';
    this.#keys.add(key);
    this.#say({ type: 'subscribed', key, outcome, position, cursor });
    for (let next = Number(from) + 1; fits && next <= position; next++) this.changed(next);
  }

  #say(frame: Told): void {
    this.waiting.push(frame);
    if (this.#service.isCalm) this.letThrough();
  }
}

export function responded({ response: given }: Request): Response {
  return response(given!.status, JSON.stringify(given!.body));
}

export function contents(record: object): string[] {
  const { title, tags = [] } = record as Partial<Row>;
  return [title!, ...tags];
}

/** Let all that is ready run: bodies of requests and responses take some turns of the loop. */
export async function settled(): Promise<void> {
  for (let turns = 8; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
}

export function problem(status: number, code: string, more: object = {}): string {
  const told = { type: `/problems/${code}`, title: code, status, detail: 'No.', instance: '/', code };
  return JSON.stringify({ ...told, requestId: '2'.repeat(32), ...more });
}

function response(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(text, { status, headers: { 'Content-Type': 'application/json', ...headers } });
}
