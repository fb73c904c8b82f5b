/** Typed errors: one class for each code of the contract, all with the id of the request. */

import { CODES, type Meaning, OF_A_PROXY, STATUSES, type Step } from './generated/errors.gen.js';
import type { Conflict, FieldError, Problem } from './generated/types.gen.js';

/** Every error of this package. Decide by its class, or by `code`. */
export class AccordError extends Error {
  /** The stable name of the error. */
  readonly code: string;
  /** The HTTP status; 0 without a response. */
  readonly status: number;
  readonly title: string;
  /** The result and the next step, for people. */
  readonly detail: string;
  /** The id of the request in the service's logs; empty without a response. */
  readonly requestId: string;
  /** The whole problem as the service sent it. */
  readonly problem: Problem;

  constructor(problem: Problem, options?: ErrorOptions) {
    const faults = (problem.errors ?? []).map(({ field, message }) => `${field || 'the body'} ${message}`).join('; ');
    super(`${problem.code}: ${problem.detail}${faults && ` ${faults}`}`, options);
    this.problem = problem;
    this.code = problem.code;
    this.status = problem.status;
    this.title = problem.title;
    this.detail = problem.detail;
    this.requestId = problem.requestId;
  }
}

/** The request does not fit the contract; `errors` has the fault of each field. Nothing was changed. */
export class ValidationFailed extends AccordError {
  get errors(): readonly FieldError[] {
    return this.problem.errors ?? [];
  }
}

/** No session exists. */
export class Unauthorized extends AccordError {}

/** The access token was valid once, and has expired. */
export class TokenExpired extends Unauthorized {}

/** The session is over: sign in again. */
export class SignedOut extends Unauthorized {}

/** The credentials do not match. */
export class InvalidCredentials extends AccordError {}

/** The caller lacks the permission. */
export class Forbidden extends AccordError {}

/** The record does not exist, or the caller may not see it. */
export class NotFound extends AccordError {}

export class MethodNotAllowed extends AccordError {}

export class NotAcceptable extends AccordError {}

/** A record has moved on since it was read. Nothing was changed. */
export class VersionConflict extends AccordError {
  /** The version that the record has now; undefined when several records moved on, which `conflicts` lists. */
  get currentVersion(): number | undefined {
    const [first, ...others] = this.conflicts;
    return this.problem.currentVersion ?? (others.length === 0 ? first?.currentVersion : undefined);
  }

  /** Every record of a transaction that has moved on. */
  get conflicts(): readonly Conflict[] {
    return this.problem.conflicts ?? [];
  }
}

/** The same, when the version was in `ifMatch`. */
export class PreconditionFailed extends VersionConflict {}

/** The job ended before: it cannot be cancelled. */
export class AlreadyEnded extends AccordError {}

/** A value that must be unique is taken. */
export class AlreadyExists extends AccordError {}

/** The position is too old: read the records again. */
export class ResyncRequired extends AccordError {}

export class PayloadTooLarge extends AccordError {}

export class UnsupportedMediaType extends AccordError {}

/** The request is well formed, and a rule of the domain refuses it. */
export class BusinessRuleViolation extends AccordError {
  get errors(): readonly FieldError[] {
    return this.problem.errors ?? [];
  }
}

/** The `idempotencyKey` came before, with another body. */
export class IdempotencyKeyReused extends AccordError {}

/** Come back after `retryAfter` seconds. */
abstract class TryLater extends AccordError {
  /** The number of seconds to wait; undefined when the response has none. */
  get retryAfter(): number | undefined {
    return this.problem.retryAfter;
  }
}

/** The first request with this `idempotencyKey` is still running. */
export class IdempotencyInProgress extends TryLater {}

/** Signing in failed too often. */
export class AccountLocked extends TryLater {}

/** Too many requests. */
export class RateLimited extends TryLater {}

/** A fault of the service; report the request id. */
export class InternalError extends AccordError {}

/** The service is busy or restarting. */
export class ServiceUnavailable extends TryLater {}

/** Too many jobs of the operation wait. Nothing was changed. */
export class TooManyWaiting extends ServiceUnavailable {}

/** The service took too long. A read shows whether the change was made. */
export class Timeout extends AccordError {}

/** The response is not from the service: a proxy, or a network's sign-in page, made it. */
export class UnexpectedResponse extends AccordError {}

/** No response arrived. Unless `nothingSent`, only a read shows whether the change was made. */
export class ConnectionFailed extends AccordError {
  /** Whether the request certainly never reached the service. */
  readonly nothingSent: boolean;

  constructor(url: string, detail: string, cause: unknown, nothingSent = false) {
    super(problemOf(0, { code: 'CONNECTION_FAILED', title: 'No response arrived', detail, instance: url }), { cause });
    this.nothingSent = nothingSent;
  }
}

/** The names stay when a bundler renames the classes. */
const CLASSES = {
  AccordError,
  AccountLocked,
  AlreadyEnded,
  AlreadyExists,
  BusinessRuleViolation,
  ConnectionFailed,
  Forbidden,
  IdempotencyInProgress,
  IdempotencyKeyReused,
  InternalError,
  InvalidCredentials,
  MethodNotAllowed,
  NotAcceptable,
  NotFound,
  PayloadTooLarge,
  PreconditionFailed,
  RateLimited,
  ResyncRequired,
  ServiceUnavailable,
  SignedOut,
  Timeout,
  TokenExpired,
  TooManyWaiting,
  Unauthorized,
  UnexpectedResponse,
  UnsupportedMediaType,
  ValidationFailed,
  VersionConflict,
};
for (const [name, { prototype }] of Object.entries(CLASSES)) Object.defineProperty(prototype, 'name', { value: name });

type ErrorClass = new (problem: Problem) => AccordError;

const classOf = (meaning: Meaning | undefined) => CLASSES[(meaning?.error ?? 'AccordError') as keyof typeof CLASSES] as ErrorClass;

/** The error of a response with an error status; `text` is its body, which a proxy may have written. */
export function errorOf(status: number, text: string, headers: Headers): AccordError {
  const after = Number.parseInt(headers.get('Retry-After') ?? '', 10);
  const advice = Number.isNaN(after) ? {} : { retryAfter: after };
  const said = parsed(text);
  const problem = problemOf(status, { ...advice, ...said });
  const isUnexpected = !said && !OF_A_PROXY.includes(status);
  return new (isUnexpected ? UnexpectedResponse : classOf(CODES[problem.code] ?? STATUSES[status]))(problem);
}

/** The error of a code in a frame, which has no status. */
export function errorOfCode(code: string, detail: string, key: string): AccordError {
  return new (classOf(CODES[code]))(problemOf(0, { code, title: code, detail, instance: key }));
}

/** The next step of a request that ended with this error. */
export function nextStep({ code, status }: AccordError): Step {
  return (CODES[code] ?? STATUSES[status])?.step ?? 'wait';
}

/** The error of a session that is over: a refresh was refused (the cause), or another client signed out. */
export function signedOut(cause?: AccordError): SignedOut {
  const detail = 'The session is over. Sign in again.';
  const known = { code: 'UNAUTHORIZED', title: 'You are signed out', detail, requestId: cause?.requestId ?? '' };
  return new SignedOut(problemOf(401, known), { cause });
}

/** The error of a call that began under another account than the one signed in now. */
export function otherAccount(): SignedOut {
  const detail = 'Another account signed in meanwhile; nothing was sent as that account. Call again.';
  return new SignedOut(problemOf(401, { code: 'UNAUTHORIZED', title: 'Another account is signed in', detail }));
}

/** The error of a change to a version that never existed, as after a restored backup. */
export function otherHistory(): VersionConflict {
  const detail = 'The record never had the version that this change was made from. Read the record again, then change it.';
  return new VersionConflict(problemOf(409, { code: 'VERSION_CONFLICT', title: 'The record has another history', detail }));
}

/** The problem that the service sent; undefined when the response is not from the service. */
function parsed(text: string): Problem | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return isProblem(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

/** A problem has all members that the contract requires; a proxy may have a `code` of its own. */
function isProblem(body: unknown): body is Problem {
  const required = ['type', 'title', 'detail', 'instance', 'code', 'requestId'] as const;
  return typeof body === 'object' && body !== null && required.every((name) => typeof (body as Problem)[name] === 'string');
}

function problemOf(status: number, known: Partial<Problem>): Problem {
  return {
    type: 'about:blank',
    title: `Unexpected response ${status}`,
    detail: 'The response is not one of the service; look at the proxies between the service and you.',
    instance: '',
    code: 'UNEXPECTED_RESPONSE',
    requestId: '',
    ...known,
    status,
  };
}
