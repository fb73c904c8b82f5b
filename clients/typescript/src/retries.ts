/** Which requests are sent again, and when: only where that cannot do anything twice. */

import type { Call } from './generated/operations.gen.js';
import { AccordError, ConnectionFailed, nextStep } from './errors.js';

const FIRST_PAUSE = 200;
/** Milliseconds: the longest pause before a request is sent again. */
const LONGEST_PAUSE = 5_000;
/** Milliseconds for which, and at most between which, a request is tried again that surely was not sent. */
const UNSENT_FOR = 10_000;
const UNSENT_PAUSE = 1_000;
/** Seconds of `Retry-After` that are waited for; whoever is told to wait longer hears of it at once. */
const LONGEST_RETRY_AFTER = 30;

/** Send until a response is final, or the retries are used up; `send` throws an AccordError for an error. */
export async function withRetries<Result>(
  call: Call,
  retries: number,
  signal: AbortSignal | undefined,
  send: () => Promise<Result>,
): Promise<Result> {
  const over = Date.now() + UNSENT_FOR;
  for (let tried = 0, unsent = 0; ; ) {
    try {
      return await send();
    } catch (error) {
      const isUnsent = error instanceof ConnectionFailed && error.nothingSent;
      let wait: number | undefined;
      // A restart takes seconds, and sending later does nothing twice.
      if (isUnsent && retries > 0 && Date.now() < over) wait = backoff(unsent++, FIRST_PAUSE, UNSENT_PAUSE);
      else if (!isUnsent && tried < retries && error instanceof AccordError) wait = delay(error, call, tried++);
      if (wait === undefined) throw error;
      await sleep(wait, signal);
    }
  }
}

/** The milliseconds until the next try, undefined when there is to be none. */
function delay(error: AccordError, call: Call, tried: number): number | undefined {
  const step = error instanceof ConnectionFailed ? 'repeat' : nextStep(error);
  if (step !== 'again' && !(step === 'repeat' && isRepeatable(call))) return undefined;
  const asked = error.problem.retryAfter ?? 0;
  return asked > LONGEST_RETRY_AFTER ? undefined : asked * 1000 + backoff(tried, FIRST_PAUSE, LONGEST_PAUSE);
}

function isRepeatable(call: Call): boolean {
  return call.method === 'GET' || call.repeatable === true || call.headers?.['Idempotency-Key'] !== undefined;
}

/** Whether this is the server's own word about the request, and would be the same another time. */
export function isFinal(error: unknown): boolean {
  return error instanceof AccordError && error.requestId !== '' && nextStep(error) === 'final';
}

/** The milliseconds before what waits in a queue is sent again, at least those that the server asks for. */
export function pauseOfQueue(tried: number, error: unknown): number {
  const asked = error instanceof AccordError ? (error.problem.retryAfter ?? 0) : 0;
  return asked * 1000 + backoff(tried, 1_000, 30_000);
}

/** Full jitter: those who failed together do not come back together. */
export function backoff(tried: number, base: number, limit: number): number {
  return Math.random() * Math.min(limit, base * 2 ** tried);
}

/** Wait; reject with the signal's reason when it aborts. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout>;
  const rest = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  // A timer that nobody waits for would keep the program from ending.
  return unlessAborted(rest, signal).finally(() => clearTimeout(timer));
}

/** The promise, or the signal's reason when it aborts before. */
export function unlessAborted<Result>(promise: Promise<Result>, signal?: AbortSignal): Promise<Result> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** A random UUID, also on pages that came over plain HTTP, where `crypto.randomUUID` is missing. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
