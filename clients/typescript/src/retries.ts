/** The rules for sending a request again: only where no change can be made twice. */

import type { Call } from './generated/operations.gen.js';
import { AccordError, ConnectionFailed, nextStep } from './errors.js';

const FIRST_PAUSE = 200;
/** Milliseconds: the longest pause before a request is sent again. */
const LONGEST_PAUSE = 5_000;
/** Milliseconds of tries for a request that was never sent, and the longest pause between two of them. */
const UNSENT_FOR = 10_000;
const UNSENT_PAUSE = 1_000;
/** Seconds that a call waits because the service asks it to; if the service asks for more, the call throws at once. */
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
      // A restart takes seconds, and a request that was never sent cannot change data twice.
      if (isUnsent && retries > 0 && Date.now() < over) wait = backoff(unsent++, FIRST_PAUSE, UNSENT_PAUSE);
      else if (!isUnsent && tried < retries && error instanceof AccordError) wait = delay(error, call, tried++);
      if (wait === undefined) throw error;
      await sleep(wait, signal);
    }
  }
}

/** The milliseconds until the next try; undefined when no other try follows. */
function delay(error: AccordError, call: Call, tried: number): number | undefined {
  const step = error instanceof ConnectionFailed ? 'repeat' : nextStep(error);
  if (step !== 'again' && !(step === 'repeat' && isRepeatable(call))) return undefined;
  const asked = error.problem.retryAfter ?? 0;
  return asked > LONGEST_RETRY_AFTER ? undefined : asked * 1000 + backoff(tried, FIRST_PAUSE, LONGEST_PAUSE);
}

function isRepeatable(call: Call): boolean {
  return call.method === 'GET' || call.repeatable === true || call.headers?.['Idempotency-Key'] !== undefined;
}

/** Whether this is a response of the service itself about the request, and another try would get the same one. */
export function isFinal(error: unknown): boolean {
  return error instanceof AccordError && error.requestId !== '' && nextStep(error) === 'final';
}

/** The milliseconds before a queue is sent again, at least as many as the service asks for. */
export function pauseOfQueue(tried: number, error: unknown): number {
  const asked = error instanceof AccordError ? (error.problem.retryAfter ?? 0) : 0;
  return asked * 1000 + backoff(tried, 1_000, 30_000);
}

/** The pause before a try, with full jitter: clients that failed together do not try again together. */
export function backoff(tried: number, base: number, limit: number): number {
  return Math.random() * Math.min(limit, base * 2 ** tried);
}

/** Wait; rejects with the signal's reason when the signal aborts. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout>;
  const rest = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  // A timer that no call waits for would keep the program from ending.
  return unlessAborted(rest, signal).finally(() => clearTimeout(timer));
}

/** The value of the promise; rejects with the signal's reason when the signal aborts first. */
export function unlessAborted<Result>(promise: Promise<Result>, signal?: AbortSignal): Promise<Result> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** A random UUID, also on pages served over plain HTTP, where `crypto.randomUUID` is missing. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
