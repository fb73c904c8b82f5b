/**
 * The session of a client: where it stores its tokens, and how it renews them once, however many calls wait. A renewal
 * replaces the tokens that it was made with and no others, so that an account that signs in meanwhile stays signed in.
 */

import type { SignedIn } from './generated/types.gen.js';
import { ConnectionFailed, InvalidCredentials, otherAccount, ServiceUnavailable, signedOut, Unauthorized } from './errors.js';
import { sleep } from './retries.js';

export interface Tokens {
  accessToken: string;
  refreshToken: string;
  /** The expiry of the access token, in milliseconds since the epoch. */
  expiresAt: number;
  /** The lifetime of the access token in seconds. */
  lifetime: number;
}

/** Stores the tokens of one session. */
export interface TokenStore {
  /** Stores with one name share their tokens, in this window and others: one of them renews for all. */
  readonly name?: string;
  load(): Promise<Tokens | undefined> | Tokens | undefined;
  save(tokens: Tokens): Promise<void> | void;
  clear(): Promise<void> | void;
}

/** Stores tokens until the program ends. */
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

/** Stores tokens in the browser, for all windows of the origin. Scripts of the page can read them. */
export function localStorageTokens(key = 'accord.tokens'): TokenStore {
  return {
    name: key,
    load() {
      try {
        return (JSON.parse(localStorage.getItem(key) ?? 'null') as Tokens | null) ?? undefined;
      } catch {
        return undefined; // Other content means that there is no session.
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

/** Milliseconds until all windows see the tokens that one window saved. */
const SHOWN = 200;
/** Milliseconds that a call waits for a renewal while its token is still valid; then the call goes on with that token. */
export const REFRESH_TIMEOUT = 2_000;
/** Milliseconds that a window waits for the lock of another, which may be frozen; then both renew: the service gives
 * both the same successor.
 */
export const LOCK_TIMEOUT = 5_000;

/** Renewals on their way, by store: clients that share a store share them. */
const renewals = new WeakMap<TokenStore, Promise<string>>();
/** The last change of each store, which the next change waits for. */
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

  /** The id of the account that is signed in; undefined when its token has no id, or the store returns a promise. */
  account(): string | undefined {
    const tokens = this.#store.load();
    return tokens && 'accessToken' in tokens ? accountOf(tokens.accessToken) : undefined;
  }

  /** Delete the tokens; returns the refresh token, with which the service can end the session. */
  async end(): Promise<string | undefined> {
    return this.#writing(async () => {
      const tokens = await this.#store.load();
      await this.#store.clear();
      return tokens?.refreshToken;
    });
  }

  /** A valid access token; undefined without a session. Throws SignedOut. */
  async accessToken(): Promise<string | undefined> {
    const tokens = await this.#store.load();
    if (!tokens || Date.now() < renewAt(tokens)) return tokens?.accessToken;
    const isGood = () => Date.now() < tokens.expiresAt;
    const renewal = this.renewed(tokens.accessToken);
    try {
      return await (isGood() ? orAfter(REFRESH_TIMEOUT, renewal, tokens.accessToken) : renewal);
    } catch (error) {
      const isAway = error instanceof ConnectionFailed || error instanceof ServiceUnavailable;
      if (isAway && isGood()) return tokens.accessToken;
      throw error;
    } finally {
      renewal.catch(() => undefined); // The call may be over, and an unhandled rejection ends a program in Node.
    }
  }

  /** Another token of the same account, for one that the service refused or soon will refuse. Throws SignedOut. */
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
        // Hold the lock until the other windows see the saved tokens: browsers show them after some milliseconds.
        await sleep(SHOWN);
      };
      const late = () => this.#renew(stale, 0).then(resolve, reject);
      const whenFree = (lock: Lock | null) =>
        lock ? renew(0) : void locks.request(name, soon(), () => renew(3 * SHOWN)).catch(late);
      locks.request(name, { ifAvailable: true }, whenFree).catch(reject);
    });
  }

  /** Renew the tokens. With a timeout, another window has renewed them, and they may take that long to show here. */
  async #renew(stale: string, timeout: number): Promise<string> {
    let tokens = await this.#store.load();
    for (const end = Date.now() + timeout; tokens?.accessToken === stale && Date.now() < end; ) {
      await sleep(10);
      tokens = await this.#store.load();
    }
    if (!tokens) throw signedOut();
    // Another client may have renewed them meanwhile.
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

  /** Store these tokens, or none, unless an account signed in or out meanwhile; returns whether they are stored. */
  #replace(refreshToken: string, next: Tokens | undefined): Promise<boolean> {
    return this.#writing(async () => {
      if ((await this.#store.load())?.refreshToken !== refreshToken) return false;
      await (next ? this.#store.save(next) : this.#store.clear());
      return true;
    });
  }

  /** Make a change while no other client of the store, in this window or another, makes one. */
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

/** The value of the promise, or the other value when the promise takes longer. */
function orAfter<Value>(milliseconds: number, promise: Promise<Value>, otherwise: Value): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds, otherwise);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** The limit of a wait for a lock: a frozen window never releases its own. */
function soon(): LockOptions {
  return { signal: AbortSignal.timeout(LOCK_TIMEOUT) };
}

/** The id of the account that a token signs in; undefined for a token that has no id. */
export function accountOf(accessToken: string): string | undefined {
  try {
    const claims = JSON.parse(atob((accessToken.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/'))) as { sub?: string };
    return claims.sub;
  } catch {
    return undefined;
  }
}

/** The time of the renewal: 30 seconds before the token expires, or a tenth of its lifetime, if that is less. */
function renewAt(tokens: Tokens): number {
  return tokens.expiresAt - Math.min(30_000, tokens.lifetime * 100);
}

function tokensOf({ accessToken, refreshToken, expiresIn }: SignedIn): Tokens {
  return { accessToken, refreshToken, lifetime: expiresIn, expiresAt: Date.now() + expiresIn * 1000 };
}
