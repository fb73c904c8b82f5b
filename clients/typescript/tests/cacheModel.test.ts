/**
 * Two people with a cache each, a third without, and a network on which everything goes wrong: SDK-15 in TypeScript.
 *
 * The service and the network of this model are in `cacheModel.ts`; the caches, the client and its session are real.
 */

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { Accord, AccordError, type Cache, memoryTokens, type RecordOperation } from '@accord/client';
import fc from 'fast-check';

import { HeldRecords } from '../dist/heldRecords.js';
import { contents, INSTEAD, RECORDS, type Request, responded, Service, settled, type Socket, TABLE } from './cacheModel.ts';

/** How many histories are tried; `nox -s fuzz` sets more. */
const RUNS = Number(process.env.MODEL_RUNS ?? 150);
const DAY = 86_400;
const NAMES = ['ada', 'bob'] as const;

/** Transactions in the order in which caches took them, by their ids. */
const begun: string[] = [];
/** Ids that transactions name. */
const named = new Set<string>();
const { add } = HeldRecords.prototype;
HeldRecords.prototype.add = function (pending) {
  begun.push(pending.transactionId);
  for (const { id } of pending.operations) named.add(id);
  add.call(this, pending);
};

/** What an author knew at the moment of a change. */
interface Note {
  shown: Set<string>;
  seen: Map<string, Set<string>>;
  synced: Map<string, number>;
}

class Person {
  readonly name: string;
  readonly cache: Cache;
  readonly accord: Accord;
  readonly tokens = memoryTokens();
  readonly notes = new Map<string, Note>();
  readonly reported = new Set<string>();
  readonly promises: { isSettled: boolean; error?: unknown }[] = [];
  readonly #service: Service;
  readonly #seen = new Map<string, Set<string>>();
  readonly #synced = new Map<string, number>();
  readonly #lost = new Set<string>(RECORDS);
  socket: Socket | undefined;

  constructor(name: string, service: Service) {
    this.name = name;
    this.#service = service;
    this.signIn(name);
    this.accord = new Accord({
      baseUrl: 'http://accord',
      tokens: this.tokens,
      retries: 0,
      headers: { 'x-client': name },
      fetch: service.fetch as typeof fetch,
      webSocket: () => (this.socket = service.socket()) as unknown as WebSocket,
    });
    this.cache = this.accord.cache();
    this.cache.listen((event) => {
      if (event.type === 'refused') this.reported.add(event.transactionId);
      if (event.type === 'lost') this.#lost.add(event.key.slice(-36));
      throw new Error('Listeners may fail.');
    });
  }

  signIn(account: string): void {
    const [accessToken, refreshToken] = [this.#service.token(account), this.#service.token(account)];
    void this.tokens.save({ accessToken, refreshToken, expiresAt: Date.now() + DAY * 1e6, lifetime: DAY });
  }

  followWhatIsLost(): void {
    for (const id of this.#lost) this.cache.follow(TABLE, id);
    this.#lost.clear();
  }

  /** Remember what is shown. */
  look(): void {
    for (const id of new Set([...RECORDS, ...named])) {
      const record = this.cache.get(TABLE, id);
      if (record) this.#seen.set(id, new Set([...(this.#seen.get(id) ?? []), ...contents(record)]));
      const there = this.#service.records.get(id);
      if (this.cache.pending === 0 && record?.version === there?.version) this.#synced.set(id, this.#service.journal.length);
    }
  }

  /** Begin a change, and note what its author knew. */
  begin(work: () => Promise<unknown>): void {
    this.look();
    const shown = new Set([...this.#seen.keys()].filter((id) => this.cache.get(TABLE, id)));
    const note = { shown, seen: new Map([...this.#seen].map(([id, all]) => [id, new Set(all)])), synced: new Map(this.#synced) };
    const promise: { isSettled: boolean; error?: unknown } = { isSettled: false };
    this.promises.push(promise);
    const before = begun.length;
    work().then(
      () => (promise.isSettled = true),
      (error: unknown) => Object.assign(promise, { isSettled: true, error }),
    );
    for (const id of begun.slice(before)) this.notes.set(id, note);
    this.look();
  }
}

type Step =
  | { do: 'change'; who: 0 | 1; record: 0 | 1; kind: 'title' | 'both' | 'other' | 'invalid' | 'delete' | 'create' }
  | { do: 'undo' | 'redo' | 'flush'; who: 0 | 1 }
  | { do: 'load' | 'cut' | 'expire' | 'end'; who: 0 | 1 }
  | { do: 'signIn'; who: 0 | 1; account: 'ada' | 'bob' }
  | { do: 'elsewhere'; record: 0 | 1 }
  | { do: 'network'; number: number; fate: string }
  | { do: 'frames' | 'repeat'; who: 0 | 1; number: number }
  | { do: 'wait'; seconds: number };

const who = fc.constantFrom(0 as const, 1 as const);
const number = fc.nat(9);
const kind = fc.constantFrom('title' as const, 'both' as const, 'other' as const, 'invalid' as const, 'delete' as const, 'create' as const);
const fate = fc.constantFrom('responded', 'responded', 'done', 'lost', 'cut', ...Object.keys(INSTEAD));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('change' as const), who, record: who, kind }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('network' as const), number, fate }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('frames' as const), who, number }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('undo' as const, 'redo' as const, 'flush' as const, 'load' as const), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('elsewhere' as const), record: who }) },
  fc.record({ do: fc.constantFrom('cut' as const, 'expire' as const, 'end' as const), who }),
  fc.record({ do: fc.constant('repeat' as const), who, number }),
  fc.record({ do: fc.constant('signIn' as const), who, account: fc.constantFrom(...NAMES) }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(0.3, 2, 40) }) },
);

class History {
  readonly service = new Service();
  readonly people = NAMES.map((name) => new Person(name, this.service));
  #words = 0;

  constructor() {
    this.service.onApply = ({ client, account, body }, before) => {
      assert.equal(client, account, 'sent as another');
      const note = this.#person(client).notes.get(body.transactionId)!;
      for (const [id, record] of before) {
        const isClaimed = id in (body.expectedVersions?.[TABLE] ?? {});
        assert.equal(isClaimed, note.shown.has(id));
        if (isClaimed) assert.ok(contents(record).every((each) => note.seen.get(id)!.has(each)), 'overwritten unseen');
      }
    };
    this.service.onConflict = ({ client, body }, id) => {
      const since = this.service.journal.slice(this.#person(client).notes.get(body.transactionId)!.synced.get(id) ?? 0);
      assert.ok(since.some((entry) => entry.id === id && entry.client !== client), 'refused for a change of ones own');
    };
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const person of this.people) person.followWhatIsLost();
    await this.#calm();
    this.service.isCalm = false;
    for (const each of steps) await this.#step(each);
    for (const person of this.people) person.signIn(person.name);
    await this.#calm();
    await this.#wait(60);
    for (const person of this.people) person.followWhatIsLost();
    await this.#wait(60);
    for (const person of this.people) this.#checkInTheEnd(person);
  }

  close(): void {
    for (const { accord, cache } of this.people) {
      accord.live.close();
      cache.close();
    }
  }

  #person(name: string): Person {
    return this.people.find((person) => person.name === name)!;
  }

  async #step(step: Step): Promise<void> {
    const person = 'who' in step ? this.people[step.who]! : this.people[0]!;
    const { cache, socket } = person;
    if (step.do === 'change') person.begin(() => cache.transact(this.#operations(RECORDS[step.record]!, RECORDS[1 - step.record]!, step.kind)));
    else if (step.do === 'load') person.begin(() => cache.load(RECORDS.map((id) => ({ table: TABLE, id }))));
    else if (step.do === 'undo' || step.do === 'redo' || step.do === 'flush') person.begin(() => cache[step.do]());
    else if (step.do === 'cut') socket?.cut();
    else if (step.do === 'expire' || step.do === 'end') await this.#expire(person, step.do === 'end');
    else if (step.do === 'signIn') person.signIn(step.account);
    else if (step.do === 'elsewhere') this.#writeElsewhere(RECORDS[step.record]!);
    else if (step.do === 'network') this.#network(step.number, step.fate);
    else if (step.do === 'frames') socket?.letThrough(step.number);
    else if (step.do === 'repeat') socket?.repeat(step.number);
    else if (step.do === 'wait') await this.#wait(step.seconds);
    await this.#settle();
  }

  #operations(id: string, other: string, kind: string): RecordOperation[] {
    const title = { op: 'set', table: TABLE, id, path: 'title', value: this.#word() } as const;
    const tag = { op: 'listInsert', table: TABLE, id, path: 'tags', value: this.#word(), where: 'end' } as const;
    if (kind === 'title') return [title];
    if (kind === 'both') return [title, tag];
    if (kind === 'other') return [tag, { ...title, id: other }];
    if (kind === 'invalid') return [{ ...title, value: '' }];
    if (kind === 'delete') return [{ op: 'delete', table: TABLE, id }];
    return [{ op: 'create', table: TABLE, id: crypto.randomUUID(), record: { title: this.#word() } }];
  }

  #word(): string {
    return `word-${++this.#words}`;
  }

  async #expire({ tokens }: Person, isOver: boolean): Promise<void> {
    const kept = await tokens.load();
    if (kept) this.service.goodTokens.delete(kept.accessToken);
    if (kept && isOver) this.service.goodTokens.delete(kept.refreshToken);
  }

  #writeElsewhere(id: string): void {
    const row = this.service.records.get(id);
    if (row) this.service.save(id, { ...row, title: this.#word(), tags: [...row.tags, this.#word()] }, 'elsewhere');
  }

  #network(number: number, fate: string): void {
    const { requests } = this.service;
    const request = requests[number % requests.length];
    if (!request) return;
    if (['responded', 'done', 'cut'].includes(fate)) this.service.do(request);
    if (fate === 'done') return;
    requests.splice(requests.indexOf(request), 1);
    end(request, fate);
  }

  async #calm(): Promise<void> {
    this.service.isCalm = true;
    for (const { socket } of this.people) socket?.letThrough();
    for (const request of this.service.requests.splice(0)) {
      this.service.do(request);
      end(request, 'responded');
    }
    await this.#settle();
  }

  async #wait(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= 4) {
      mock.timers.tick(Math.min(left, 4) * 1000);
      await this.#settle();
    }
  }

  async #settle(): Promise<void> {
    await settled();
    if (this.service.broken) throw this.service.broken;
    for (const person of this.people) person.look();
  }

  #checkInTheEnd({ cache, promises, notes, reported }: Person): void {
    assert.equal(cache.pending, 0);
    for (const { isSettled, error } of promises) {
      assert.ok(isSettled, 'a promise never settled');
      assert.ok(error === undefined || error instanceof AccordError, String(error));
    }
    const made = this.service.applied.filter((id) => notes.has(id));
    assert.equal(new Set(made).size, made.length);
    assert.deepEqual(new Set([...made, ...reported]), new Set(notes.keys()));
    assert.equal(made.length + reported.size, notes.size);
    for (const id of RECORDS) {
      const there = this.service.records.get(id);
      assert.deepEqual(cache.get(TABLE, id), there && { id, ...there });
    }
  }
}

function end(request: Request, fate: string): void {
  if (fate === 'lost' || fate === 'cut') request.reject(new TypeError('fetch failed'));
  else request.resolve(fate === 'responded' ? responded(request) : INSTEAD[fate]!());
}

test('no unseen change is overwritten or lost, and in the end every cache equals the service', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: Date.parse('2026-01-31T09:30:00Z') });
  mock.method(console, 'error', () => undefined);
  const histories = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
    named.clear();
    const history = new History();
    try {
      await history.run(steps);
    } finally {
      history.close();
    }
  });

  await fc.assert(histories, { numRuns: RUNS, ...(process.env.MODEL_RUNS ? {} : { seed: 8 }) });
});
