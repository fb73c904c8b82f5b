/**
 * Who is signed in: where tokens are kept, and how they are renewed exactly once however many calls wait. What a renewal
 * brings replaces the tokens that it was made with and no others: whoever signs in meanwhile stays signed in.
 */

import type { SignedIn } from './generated/types.gen.js';
import { ConnectionFailed, InvalidCredentials, otherAccount, ServiceUnavailable, signedOut, Unauthorized } from './errors.js';
import { sleep } from './retries.js';

export interface Tokens {
  accessToken: string;
  refreshToken: string;
  /** When the access token expires, in milliseconds since the epoch. */
  expiresAt: number;
  /** How many seconds the access token lives altogether. */
  lifetime: number;
}

/** Keeps the tokens of one session. */
export interface TokenStore {
  /** Stores of one name share their tokens, in this window and others: one of them renews for all. */
  readonly name?: string;
  load(): Promise<Tokens | undefined> | Tokens | undefined;
  save(tokens: Tokens): Promise<void> | void;
  clear(): Promise<void> | void;
}

/** Keeps tokens until the program ends. */
export function memoryTokens(): TokenStore {
  let kept: Tokens | undefined;
  return {
    load: () => kept,
    save(tokens) {
      kept = tokens;
    },
    clear() {
      kept = undefined;
    },
  };
}

/** Keeps tokens in the browser, for all windows of the origin. Scripts of the page can read them. */
export function localStorageTokens(key = 'accord.tokens'): TokenStore {
  return {
    name: key,
    load() {
      try {
        return (JSON.parse(localStorage.getItem(key) ?? 'null') as Tokens | null) ?? undefined;
      } catch {
        return undefined; // What is not ours is as if nobody were signed in.
      }
    },
    save(tokens) {
      localStorage.setItem(key, JSON.stringify(tokens));
    },
    clear() {
      localStorage.removeItem(key);
    },
  };
}

/** Milliseconds until what one window saved is surely seen by the others. */
const SHOWN = 200;
/** Milliseconds that a call waits for a renewal while its token is still good; then it goes on with that. */
export const TIMEOUT = 2_000;
/** Milliseconds that a window waits for one that may be frozen; then it renews, too: both get the same successor. */
export const LOCK_TIMEOUT = 5_000;

/** Renewals under way, by store: clients that share a store share them. */
const renewals = new WeakMap<TokenStore, Promise<string>>();
/** The last change of what a store keeps, which the next one waits for. */
const writings = new WeakMap<TokenStore, Promise<void>>();

/** The session of one client. */
export class Session {
  readonly #store: TokenStore;
  readonly #refresh: (refreshToken: string) => Promise<SignedIn>;

  constructor(store: TokenStore, refresh: (refreshToken: string) => Promise<SignedIn>) {
    this.#store = store;
    this.#refresh = refresh;
  }

  async begin(response: SignedIn): Promise<void> {
    await this.#writing(async () => this.#store.save(tokensOf(response)));
  }

  /** The account that is signed in, as far as its token and a store that returns at once tell. */
  account(): string | undefined {
    const tokens = this.#store.load();
    return tokens && 'accessToken' in tokens ? accountOf(tokens.accessToken) : undefined;
  }

  /** Forget the tokens; returns the refresh token, with which the server can end the session. */
  async end(): Promise<string | undefined> {
    return this.#writing(async () => {
      const tokens = await this.#store.load();
      await this.#store.clear();
      return tokens?.refreshToken;
    });
  }

  /** A token that is good for a while yet, undefined when nobody is signed in. Throws SignedOut. */
  async accessToken(): Promise<string | undefined> {
    const tokens = await this.#store.load();
    if (!tokens || Date.now() < renewAt(tokens)) return tokens?.accessToken;
    const isGood = () => Date.now() < tokens.expiresAt;
    const renewal = this.renewed(tokens.accessToken);
    try {
      return await (isGood() ? orAfter(TIMEOUT, renewal, tokens.accessToken) : renewal);
    } catch (error) {
      const isAway = error instanceof ConnectionFailed || error instanceof ServiceUnavailable;
      if (isAway && isGood()) return tokens.accessToken;
      throw error;
    } finally {
      renewal.catch(() => undefined); // Somebody has to look at it, also when nobody waited for it to the end.
    }
  }

  /** Another token than this one, which the server refused or soon will, of the same account. Throws SignedOut. */
  async renewed(stale: string): Promise<string> {
    const store = this.#store;
    const running = renewals.get(store) ?? this.#alone(stale).finally(() => renewals.delete(store));
    renewals.set(store, running);
    const next = await running;
    const [before, after] = [accountOf(stale), accountOf(next)];
    if (before !== undefined && after !== undefined && before !== after) throw otherAccount();
    return next;
  }

  /** Renew while no other window renews the same tokens. */
  #alone(stale: string): Promise<string> {
    const name = `accord refresh ${this.#store.name}`;
    const locks = this.#locks();
    if (!locks) return this.#renew(stale, 0);
    return new Promise((resolve, reject) => {
      const renew = async (timeout: number) => {
        await this.#renew(stale, timeout).then(resolve, reject);
        // Held until the other windows can see what was saved: browsers show it to them a moment later.
        await sleep(SHOWN);
      };
      const late = () => this.#renew(stale, 0).then(resolve, reject);
      const whenFree = (lock: Lock | null) =>
        lock ? renew(0) : void locks.request(name, soon(), () => renew(3 * SHOWN)).catch(late);
      locks.request(name, { ifAvailable: true }, whenFree).catch(reject);
    });
  }

  /** Tokens that another window is known to have renewed may take so many milliseconds to show here. */
  async #renew(stale: string, timeout: number): Promise<string> {
    let tokens = await this.#store.load();
    for (const end = Date.now() + timeout; tokens?.accessToken === stale && Date.now() < end; ) {
      await sleep(10);
      tokens = await this.#store.load();
    }
    if (!tokens) throw signedOut();
    // Somebody else may have renewed them meanwhile.
    if (tokens.accessToken !== stale && Date.now() < renewAt(tokens)) return tokens.accessToken;
    const { refreshToken } = tokens;
    try {
      const next = tokensOf(await this.#refresh(refreshToken));
      if (await this.#replace(refreshToken, next)) return next.accessToken;
    } catch (error) {
      if (!(error instanceof InvalidCredentials || error instanceof Unauthorized)) throw error;
      if (await this.#replace(refreshToken, undefined)) throw signedOut(error);
    }
    const now = await this.#store.load();
    if (!now) throw signedOut();
    return now.accessToken;
  }

  /** Keep these, or none, unless somebody signed in or out meanwhile; says whether they are kept. */
  #replace(refreshToken: string, next: Tokens | undefined): Promise<boolean> {
    return this.#writing(async () => {
      if ((await this.#store.load())?.refreshToken !== refreshToken) return false;
      await (next ? this.#store.save(next) : this.#store.clear());
      return true;
    });
  }

  /** Do this while no other client of the store, in this window or another, changes what it keeps. */
  async #writing<Result>(change: () => Promise<Result>): Promise<Result> {
    const before = writings.get(this.#store);
    const alone = (async () => {
      await before;
      const locks = this.#locks();
      if (!locks) return change();
      return new Promise<Result>((resolve, reject) => {
        const write = async () => {
          await change().then(resolve, reject);
          await sleep(SHOWN);
        };
        locks.request(`accord tokens ${this.#store.name}`, soon(), write).catch(() => change().then(resolve, reject));
      });
    })();
    writings.set(
      this.#store,
      alone.then(
        () => undefined,
        () => undefined,
      ),
    );
    return alone;
  }

  #locks(): LockManager | undefined {
    return this.#store.name === undefined ? undefined : globalThis.navigator?.locks;
  }
}

/** What is promised, or this when it takes longer. */
function orAfter<Value>(milliseconds: number, promise: Promise<Value>, otherwise: Value): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds, otherwise);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** A window that is frozen with a lock gives it back to nobody. */
function soon(): LockOptions {
  return { signal: AbortSignal.timeout(LOCK_TIMEOUT) };
}

/** The id of the account that a token signs in; undefined when it does not tell. */
export function accountOf(accessToken: string): string | undefined {
  try {
    const claims = JSON.parse(atob((accessToken.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/'))) as { sub?: string };
    return claims.sub;
  } catch {
    return undefined;
  }
}

/** Before the token expires: 30 seconds, or a tenth of its life if that is less. */
function renewAt(tokens: Tokens): number {
  return tokens.expiresAt - Math.min(30_000, tokens.lifetime * 100);
}

function tokensOf({ accessToken, refreshToken, expiresIn }: SignedIn): Tokens {
  return { accessToken, refreshToken, lifetime: expiresIn, expiresAt: Date.now() + expiresIn * 1000 };
}
