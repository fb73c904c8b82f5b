/** Runs clients/conformance.json, which says how, with this SDK against the service at ACCORD_URL. */

import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

import * as sdk from '@accord/client';

/** All members that steps have; which of them a step has depends on its verb. */
interface Step {
  [verb: string]: unknown;
  as: string;
  client: string;
  tokens?: string;
  call: string;
  with?: object;
  body?: object;
  idempotencyKey?: string;
  signIn: string;
  email: string;
  password: string;
  signOut: string;
  iterate: string;
  where?: object;
  each?: string;
  updateWithRetry: string;
  waitForJob: string;
  read: Step;
  beforeFirstChange?: Step[];
  change: Step;
  expire: string;
  follow: string[];
  after?: string;
  into: string;
  disconnect: string;
  collected: string;
  count: number;
  ended: string;
  cache: 'load' | 'get' | 'followList' | 'transact' | 'undo' | 'redo';
  pointers: sdk.RecordPointer[];
  key: string;
  table: sdk.Table;
  id: string;
  operations: sdk.RecordOperation[];
  meanwhile?: Step[];
  together: Step[];
  check?: string;
  that: unknown;
  save?: string;
  times?: number;
  atOnce?: boolean;
  raises?: string;
  until?: Step[];
}
interface Scenario {
  name: string;
  steps: Step[];
}
type Operation = (input: object) => Promise<unknown>;

const URL_OF_SERVICE = process.env.ACCORD_URL ?? 'http://localhost:8080';
const GIVEN = JSON.parse(process.env.ACCORD_GIVEN ?? '{}') as object;
const LIVE_OVER = process.env.ACCORD_LIVE_OVER as 'socket' | 'stream' | undefined;
const TIMEOUT = 60_000;
const VERBS = ['client', 'call', 'signIn', 'signOut', 'iterate', 'updateWithRetry', 'waitForJob', 'expire', 'follow', 'disconnect',
  'collected', 'ended', 'cache', 'together', 'check'] as const;

const later = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** What came to one follower. */
class Collected {
  readonly items: object[] = [];
  readonly end: Promise<never>;

  constructor(following: sdk.Following) {
    this.end = this.#collect(following);
    this.end.catch(() => undefined);
  }

  async #collect(following: sdk.Following): Promise<never> {
    for await (const change of following) {
      const { key, position } = change;
      this.items.push(change.kind === 'resync' ? { resync: key, position } : change);
    }
    throw new Error('It ended without an error.');
  }
}

class Run {
  readonly #saved = new Map<string, unknown>([['given', GIVEN]]);
  readonly #clients = new Map<string, sdk.Accord>();
  readonly #caches = new Map<string, sdk.Cache>();
  readonly #stores = new Map<string, sdk.TokenStore>();
  readonly #collected = new Map<string, Collected>();
  readonly #passed: string[] = [];

  /** Return the checks that passed, and what kept the others from it. */
  async run(steps: Step[]): Promise<{ passed: string[]; problem?: unknown }> {
    try {
      for (const step of steps) await this.#step(step);
      return { passed: this.#passed };
    } catch (problem) {
      return { passed: this.#passed, problem };
    } finally {
      for (const cache of this.#caches.values()) cache.close();
      for (const client of this.#clients.values()) client.live.close();
    }
  }

  async #step(step: Step): Promise<void> {
    if (step.until) return this.#until(step);
    const value = await this.#inTime(this.#raised(step, () => this.#times(step)));
    if (step.save) this.#saved.set(step.save, value);
  }

  #inTime<Value>(work: Promise<Value>): Promise<Value> {
    return Promise.race([work, later(TIMEOUT).then(() => Promise.reject(new Error('It had no end.')))]);
  }

  async #until(step: Step): Promise<void> {
    const { until = [], ...again } = step;
    for (let left = 300; ; left--) {
      await this.#step(again);
      const checks = until.filter((check) => !this.#holds(check));
      if (checks.length === 0 || left === 0) break;
      await later(100);
    }
    for (const check of until) this.#check(check);
  }

  async #raised(step: Step, work: () => Promise<unknown>): Promise<unknown> {
    if (!step.raises) return work();
    const expected = sdk[step.raises as 'AccordError'];
    try {
      await work();
    } catch (error) {
      if (!(error instanceof expected)) throw error;
      this.#passed.push(nameOf(step));
      return describe(error);
    }
    throw new Error(`${JSON.stringify(step)} raised nothing.`);
  }

  async #times(step: Step): Promise<unknown> {
    if (!step.times) return this.#once(step, 1);
    const numbers = Array.from({ length: step.times }, (_, index) => index + 1);
    if (step.atOnce) return Promise.all(numbers.map((number) => this.#once(step, number)));
    const values: unknown[] = [];
    for (const number of numbers) values.push(await this.#once(step, number));
    return values;
  }

  async #once(step: Step, number: number): Promise<unknown> {
    const verb = VERBS.find((name) => name in step)!;
    // Steps within a step are looked up when they run.
    const { meanwhile, together, beforeFirstChange, change, read, ...own } = step;
    const ready = this.#filled(own, number) as Step;
    return this[verb]({ ...ready, meanwhile, together, beforeFirstChange, change, read });
  }

  #filled(value: unknown, number: number): unknown {
    if (typeof value === 'string') return this.#text(value, number);
    if (Array.isArray(value)) return value.map((item) => this.#filled(item, number));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [this.#filled(name, number), this.#filled(item, number)]),
    );
  }

  #text(text: string, number: number): unknown {
    const whole = /^\$\{([^}]*)\}$/.exec(text);
    if (whole) return this.#lookUp(whole[1]!, number);
    return text.replace(/\$\{([^}]*)\}/g, (_, path: string) => String(this.#lookUp(path, number)));
  }

  #lookUp(path: string, number: number): unknown {
    if (path === 'number') return number;
    if (path === 'new.uuid') return sdk.newKey();
    if (path === 'new.email') return `person-${sdk.newKey()}@example.com`;
    const [name, ...parts] = path.split('.');
    return parts.reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], this.#saved.get(name!));
  }

  #check(step: Step): void {
    if (!this.#holds(step)) {
      throw new Error(`${nameOf(step)}: ${JSON.stringify(this.#filled(step.that, 1))}, ${JSON.stringify(step)}`);
    }
    this.#passed.push(nameOf(step));
  }

  #holds(step: Step): boolean {
    const { that, equals, differs } = this.#filled(step, 1) as Record<string, unknown>;
    if ('equals' in step) return isDeepStrictEqual(that, equals);
    if ('differs' in step) return !isDeepStrictEqual(that, differs);
    return that !== undefined && that !== null && that !== '' && !(Array.isArray(that) && that.length === 0);
  }

  client(step: Step): void {
        const store = this.#stores.get(step.tokens ?? '') ?? sdk.memoryTokens();
    if (step.tokens) this.#stores.set(step.tokens, store);
    const part = () => Math.floor(Math.random() * 256);
    const headers = { 'X-Forwarded-For': `10.${part()}.${part()}.${part()}` };
    // Node takes headers beside the address; the types are those of browsers.
    const webSocket = (url: string) => new WebSocket(url, { headers } as never);
    const over = LIVE_OVER && { liveOver: LIVE_OVER };
    this.#clients.set(step.client, new sdk.Accord({ baseUrl: URL_OF_SERVICE, tokens: store, headers, webSocket, ...over }));
  }

  async call(step: Step): Promise<unknown> {
    const input = { ...step.with, ...step.body, ...(step.idempotencyKey && { idempotencyKey: step.idempotencyKey }) };
    return this.#operation(step.as, step.call)(input);
  }

  async signIn(step: Step): Promise<unknown> {
    return this.#client(step.signIn).signIn({ email: step.email, password: step.password });
  }

  async signOut(step: Step): Promise<void> {
    await this.#client(step.signOut).signOut();
  }

  async iterate(step: Step): Promise<unknown> {
    const client = this.#client(step.as);
    const items: Record<string, unknown>[] = [];
    const list = this.#operation(step.as, step.iterate) as sdk.Lists<object, Record<string, unknown>>;
    for await (const item of client.iterate(list, { ...step.with })) {
      if (Object.entries(step.where ?? {}).every(([name, value]) => item[name] === value)) items.push(item);
    }
    return each(items, step.each);
  }

  async waitForJob(step: Step): Promise<unknown> {
    return this.#client(step.as).waitForJob(step.waitForJob);
  }

  async updateWithRetry(step: Step): Promise<unknown> {
    let isFirst = true;
    const read = () => this.call({ ...step.read, as: step.updateWithRetry });
    return this.#client(step.updateWithRetry).updateWithRetry(read, async (current) => {
      if (isFirst) for (const before of step.beforeFirstChange ?? []) await this.#step(before);
      isFirst = false;
      this.#saved.set('read', current);
      return this.call(this.#filled({ ...step.change, as: step.updateWithRetry }, 1) as Step);
    });
  }

  async expire(step: Step): Promise<void> {
    const store = this.#stores.get(step.expire)!;
    const tokens = (await store.load())!;
    await store.save({ ...tokens, expiresAt: Date.now() - 1000 });
  }

  async follow(step: Step): Promise<void> {
    const after = step.after === undefined ? {} : { after: step.after };
    const following = this.#client(step.as).live.follow(step.follow, after);
    this.#collected.set(step.into, new Collected(following));
    await following.ready;
  }

  disconnect(step: Step): void {
    this.#client(step.disconnect).live.disconnect();
  }

  async collected(step: Step): Promise<unknown> {
    const collected = this.#collected.get(step.collected)!;
    for (let left = TIMEOUT / 50; collected.items.length < (step.count) && left > 0; left--) await later(50);
    await later(500);
    return each(collected.items as Record<string, unknown>[], step.each);
  }

  async ended(step: Step): Promise<void> {
    await this.#collected.get(step.ended)!.end;
  }

  async cache(step: Step): Promise<unknown> {
    const name = step.as;
    const cache = this.#caches.get(name) ?? this.#client(name).cache();
    this.#caches.set(name, cache);
    if (step.cache === 'load') return cache.load(step.pointers);
    if (step.cache === 'get') return cache.get(step.table, step.id) ?? null;
    if (step.cache === 'followList') return cache.followList(step.key).ready;
    if (step.cache === 'undo') return cache.undo();
    if (step.cache === 'redo') return cache.redo();
    const outcome = cache.transact(step.operations);
    outcome.catch(() => undefined);
    for (const between of step.meanwhile ?? []) await this.#step(between);
    return outcome;
  }

  async together(step: Step): Promise<void> {
    await Promise.all(step.together.map((each) => this.#step(each)));
  }

  check(step: Step): void {
    this.#check(step);
  }

  #client(name: string): sdk.Accord {
    return this.#clients.get(name)!;
  }

  #operation(client: string, operationId: string): Operation {
    const accord = this.#client(client);
    return (accord[operationId as 'getMe'] as Operation).bind(accord);
  }
}

function each(items: Record<string, unknown>[], name: string | undefined): unknown[] {
  return name === undefined ? items : items.map((item) => item[name] ?? null);
}

function nameOf(step: Step): string {
  return step.check ?? `raises ${step.raises}`;
}

function describe(error: sdk.AccordError): object {
  const { code, status, title, detail, requestId, problem } = error;
  const { errors = null, conflicts = null, retryAfter = null } = problem;
  const currentVersion = (error instanceof sdk.VersionConflict && error.currentVersion) || null;
  const known = { code, status, title, detail, requestId, errors, currentVersion, conflicts, retryAfter };
  return { class: error.constructor.name, ...known };
}

/** The checks of some steps, in the order of the file. */
function checksOf(steps: Step[]): string[] {
  return steps.flatMap((step) => [
    ...[step.meanwhile, step.together, step.beforeFirstChange].flatMap((steps) => checksOf(steps ?? [])),
    ...(step.raises || 'check' in step ? [nameOf(step)] : []),
    ...checksOf(step.until ?? []),
  ]);
}

const file = process.argv[2] ?? new URL('../conformance.json', import.meta.url);
const { scenarios } = JSON.parse(readFileSync(file, 'utf8')) as { scenarios: Scenario[] };
let count = 0;
let failed = 0;
for (const scenario of scenarios) {
  const { passed, problem } = await new Run().run(scenario.steps);
  if (problem) process.stderr.write(`${scenario.name}: ${problem instanceof Error ? problem.stack : String(problem)}\n`);
  for (const check of checksOf(scenario.steps)) {
    const place = passed.indexOf(check);
    count += 1;
    if (place < 0) failed += 1;
    else passed.splice(place, 1);
    process.stdout.write(`${place < 0 ? 'FAILED' : 'ok '} ${scenario.name}: ${check}\n`);
  }
}
process.stdout.write(`${count} checks, ${failed} failed\n`);
process.exit(failed ? 1 : 0);
