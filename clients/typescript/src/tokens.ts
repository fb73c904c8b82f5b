/** Who is signed in: where tokens are kept, and how they are renewed exactly once however many calls wait. */

import type { SignedIn } from './generated/types.gen.js';
import { AccordError, ConnectionFailed, InvalidCredentials, ServiceUnavailable, signedOut, Unauthorized } from './errors.js';
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

/** Renewals under way, by store: clients that share a store share them. */
const renewals = new WeakMap<TokenStore, Promise<string>>();

/** The session of one client. */
export class Session {
  readonly #store: TokenStore;
  readonly #refresh: (refreshToken: string) => Promise<SignedIn>;

  constructor(store: TokenStore, refresh: (refreshToken: string) => Promise<SignedIn>) {
    this.#store = store;
    this.#refresh = refresh;
  }

  async begin(answer: SignedIn): Promise<void> {
    await this.#store.save(tokensOf(answer));
  }

  /** Forget the tokens; returns the refresh token, with which the server can end the session. */
  async end(): Promise<string | undefined> {
    const tokens = await this.#store.load();
    await this.#store.clear();
    return tokens?.refreshToken;
  }

  /** A token that is good for a while yet, undefined when nobody is signed in. */
  async accessToken(): Promise<string | undefined> {
    const tokens = await this.#store.load();
    if (!tokens || Date.now() < renewAt(tokens)) return tokens?.accessToken;
    try {
      return await this.renewed(tokens.accessToken);
    } catch (error) {
      const isAway = error instanceof ConnectionFailed || error instanceof ServiceUnavailable;
      if (isAway && Date.now() < tokens.expiresAt) return tokens.accessToken;
      throw error;
    }
  }

  /** Another token than this one, which the server refused or soon will. Throws SignedOut. */
  renewed(stale: string): Promise<string> {
    const store = this.#store;
    const running = renewals.get(store);
    if (running) return running;
    const renewal = this.#alone(stale).finally(() => renewals.delete(store));
    renewals.set(store, renewal);
    return renewal;
  }

  /** Renew while no other window renews the same tokens. */
  #alone(stale: string): Promise<string> {
    const name = `accord refresh ${this.#store.name}`;
    const locks = this.#store.name === undefined ? undefined : globalThis.navigator?.locks;
    if (!locks) return this.#renew(stale, 0);
    return new Promise((resolve, reject) => {
      const renew = async (patience: number) => {
        await this.#renew(stale, patience).then(resolve, reject);
        // Held until the other windows can see what was saved: browsers show it to them a moment later.
        await sleep(SHOWN);
      };
      const whenFree = (lock: Lock | null) => (lock ? renew(0) : void locks.request(name, () => renew(3 * SHOWN)));
      locks.request(name, { ifAvailable: true }, whenFree).catch(reject);
    });
  }

  /** Tokens that another window is known to have renewed may take so many milliseconds to show here. */
  async #renew(stale: string, patience: number): Promise<string> {
    let tokens = await this.#store.load();
    for (const end = Date.now() + patience; tokens?.accessToken === stale && Date.now() < end; ) {
      await sleep(10);
      tokens = await this.#store.load();
    }
    if (!tokens) throw signedOut(nobody());
    // Somebody else may have renewed them meanwhile.
    if (tokens.accessToken !== stale && Date.now() < renewAt(tokens)) return tokens.accessToken;
    try {
      const next = tokensOf(await this.#refresh(tokens.refreshToken));
      await this.#store.save(next);
      return next.accessToken;
    } catch (error) {
      if (!(error instanceof InvalidCredentials || error instanceof Unauthorized)) throw error;
      await this.#store.clear();
      throw signedOut(error);
    }
  }
}

/** Before the token expires: 30 seconds, or a tenth of its life if that is less. */
function renewAt(tokens: Tokens): number {
  return tokens.expiresAt - Math.min(30_000, tokens.lifetime * 100);
}

function tokensOf({ accessToken, refreshToken, expiresIn }: SignedIn): Tokens {
  return { accessToken, refreshToken, lifetime: expiresIn, expiresAt: Date.now() + expiresIn * 1000 };
}

function nobody(): AccordError {
  return new Unauthorized({
    type: '/problems/UNAUTHORIZED',
    title: 'Sign in first',
    status: 401,
    detail: 'The session is over. Sign in again.',
    instance: '',
    code: 'UNAUTHORIZED',
    requestId: '',
  });
}
