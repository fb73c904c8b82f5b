/** What tests start from: clients of their own address, and accounts that they alone have. */

import { afterEach } from 'node:test';

import { Accord, memoryTokens, newKey, type AccordOptions, type Tokens, type TokenStore, type User } from '@accord/client';

export const SERVICE = process.env.ACCORD_URL ?? 'http://localhost:8080';
export const PASSWORD = 'some words nobody guesses 9';

/** What a client sent, and what it may have had instead of the network. */
export interface Traffic {
  requests: Request[];
  frames: { type: string; key?: string; after?: number }[];
  sockets: WebSocket[];
}

/** Connections keep a program running, also when a test failed before it closed them. */
const clients = new Set<Accord>();
afterEach(() => {
  for (const accord of clients) accord.live.close();
  clients.clear();
});

/** A client of its own address, so that the rate limits of the service stay on. */
export function client(options: Partial<AccordOptions> = {}): Accord & { traffic: Traffic } {
  const part = () => Math.floor(Math.random() * 256);
  const headers = { 'X-Forwarded-For': `10.${part()}.${part()}.${part()}` };
  const traffic: Traffic = { requests: [], frames: [], sockets: [] };
  const accord = new Accord({
    baseUrl: SERVICE,
    headers,
    webSocket: (url) => noting(new WebSocket(url, { headers } as never), traffic),
    ...options,
    fetch: (request) => {
      traffic.requests.push((request as Request).clone());
      return (options.fetch ?? fetch)(request);
    },
  });
  clients.add(accord);
  return Object.assign(accord, { traffic });
}

function noting(socket: WebSocket, { frames, sockets }: Traffic): WebSocket {
  sockets.push(socket);
  const send = socket.send.bind(socket);
  socket.send = (data) => {
    frames.push(JSON.parse(String(data)) as Traffic['frames'][number]);
    send(data);
  };
  return socket;
}

export async function anAccount(firstName = 'Ada'): Promise<User> {
  return client().register({ email: `${newKey()}@example.com`, password: PASSWORD, firstName, lastName: 'Lovelace' });
}

/** A client that is signed in, to an account of its own unless there is one. */
export async function signedIn(options: Partial<AccordOptions> = {}, user?: User): Promise<Accord & { traffic: Traffic; user: User }> {
  const account = user ?? (await anAccount());
  const accord = client(options);
  await accord.signIn({ email: account.email, password: PASSWORD });
  accord.traffic.requests.length = 0;
  return Object.assign(accord, { user: account });
}

/** Tokens in memory that a test can look at and change. */
export function openTokens(): TokenStore & { now(): Tokens; change(changes: Partial<Tokens>): void } {
  const store = memoryTokens();
  const now = () => store.load() as Tokens;
  return { ...store, now, change: (changes) => void store.save({ ...now(), ...changes }) };
}

export function sent(traffic: Traffic, path: string): Request[] {
  return traffic.requests.filter((request) => new URL(request.url).pathname === path);
}

export const later = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** Wait until it is so. */
export async function until(isSo: () => boolean | Promise<boolean>, what = 'it'): Promise<void> {
  for (let left = 3000; !(await isSo()); left--) {
    if (left === 0) throw new Error(`${what} did not come about.`);
    await later(20);
  }
}
