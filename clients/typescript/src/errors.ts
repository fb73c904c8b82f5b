/** What a call throws: one class for each code of the contract, all with the id of the request. */

import { CODES, type Meaning, OF_A_PROXY, STATUSES, type Step } from './generated/errors.gen.js';
import type { Conflict, FieldError, Problem } from './generated/types.gen.js';

/** Every error of this package. Decide by its class, or by `code`. */
export class AccordError extends Error {
  /** The stable name of the error. */
  readonly code: string;
  /** The HTTP status, 0 when there was no response. */
  readonly status: number;
  readonly title: string;
  /** What happened and what to do next, for people. */
  readonly detail: string;
  /** Names the request in the logs of the server. */
  readonly requestId: string;
  /** The whole problem as the server sent it. */
  readonly problem: Problem;

  constructor(problem: Problem, options?: ErrorOptions) {
    super(`${problem.code}: ${problem.detail}`, options);
    this.problem = problem;
    this.code = problem.code;
    this.status = problem.status;
    this.title = problem.title;
    this.detail = problem.detail;
    this.requestId = problem.requestId;
  }
}

/** The request does not fit the contract; `errors` says where. */
export class ValidationFailed extends AccordError {
  get errors(): readonly FieldError[] {
    return this.problem.errors ?? [];
  }
}

/** Nobody is signed in. */
export class Unauthorized extends AccordError {}

/** The access token was good, and its time is over. */
export class TokenExpired extends Unauthorized {}

/** The session is over: sign in again. */
export class SignedOut extends Unauthorized {}

/** What was given signs nobody in. */
export class InvalidCredentials extends AccordError {}

/** The caller lacks the permission. */
export class Forbidden extends AccordError {}

/** It does not exist, or it is not yours to see. */
export class NotFound extends AccordError {}

export class MethodNotAllowed extends AccordError {}

export class NotAcceptable extends AccordError {}

/** The record moved on since it was read. Nothing was changed. */
export class VersionConflict extends AccordError {
  /** The version that the record has now; undefined when several moved on, which `conflicts` lists. */
  get currentVersion(): number | undefined {
    const [first, ...others] = this.conflicts;
    return this.problem.currentVersion ?? (others.length === 0 ? first?.currentVersion : undefined);
  }

  /** Every record of a transaction that moved on. */
  get conflicts(): readonly Conflict[] {
    return this.problem.conflicts ?? [];
  }
}

/** The same, said to who sent `ifMatch`. */
export class PreconditionFailed extends VersionConflict {}

/** Something that must be unique is taken. */
export class AlreadyExists extends AccordError {}

/** The position is too old: read the records again. */
export class ResyncRequired extends AccordError {}

export class PayloadTooLarge extends AccordError {}

export class UnsupportedMediaType extends AccordError {}

/** A rule of the domain forbids it. */
export class BusinessRuleViolation extends AccordError {
  get errors(): readonly FieldError[] {
    return this.problem.errors ?? [];
  }
}

/** The `idempotencyKey` came before, with another body. */
export class IdempotencyKeyReused extends AccordError {}

/** Come back after `retryAfter` seconds. */
abstract class TryLater extends AccordError {
  /** The number of seconds to wait, where the server says it. */
  get retryAfter(): number | undefined {
    return this.problem.retryAfter;
  }
}

/** The first request with this `idempotencyKey` is still running. */
export class IdempotencyInProgress extends TryLater {}

/** Too many failed sign-ins. */
export class AccountLocked extends TryLater {}

/** Too many requests. */
export class RateLimited extends TryLater {}

/** Something went wrong on the server. */
export class InternalError extends AccordError {}

/** The server is busy or restarting. */
export class ServiceUnavailable extends TryLater {}

/** The server gave up: whether the change was made is not known. */
export class Timeout extends AccordError {}

/** The response is not from the service: a proxy, or a network's sign-in page, made it. */
export class UnexpectedResponse extends AccordError {}

/** There was no response, so whether the change was made is not known, unless `nothingSent`. */
export class ConnectionFailed extends AccordError {
  /** Whether it is certain that the server got nothing. */
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
  Unauthorized,
  UnexpectedResponse,
  UnsupportedMediaType,
  ValidationFailed,
  VersionConflict,
};
for (const [name, { prototype }] of Object.entries(CLASSES)) Object.defineProperty(prototype, 'name', { value: name });

type ErrorClass = new (problem: Problem) => AccordError;

const classOf = (meaning: Meaning | undefined) => CLASSES[(meaning?.error ?? 'AccordError') as keyof typeof CLASSES] as ErrorClass;

/** The error for a response with an error status; `text` is its body, which a proxy may have written. */
export function errorOf(status: number, text: string, headers: Headers): AccordError {
  const after = Number.parseInt(headers.get('Retry-After') ?? '', 10);
  const advice = Number.isNaN(after) ? {} : { retryAfter: after };
  const said = parsed(text);
  const problem = problemOf(status, { ...advice, ...said });
  const isUnexpected = !said && !OF_A_PROXY.includes(status);
  return new (isUnexpected ? UnexpectedResponse : classOf(CODES[problem.code] ?? STATUSES[status]))(problem);
}

/** The error for a code that came in a frame, without a status. */
export function errorOfCode(code: string, detail: string, key: string): AccordError {
  return new (classOf(CODES[code]))(problemOf(0, { code, title: code, detail, instance: key }));
}

/** What becomes of a request that ended so. */
export function nextStep({ code, status }: AccordError): Step {
  return (CODES[code] ?? STATUSES[status])?.step ?? 'wait';
}

/** The error for a session that is over: what a refused refresh means, or that another client signed out. */
export function signedOut(cause?: AccordError): SignedOut {
  const detail = 'The session is over. Sign in again.';
  const known = { code: 'UNAUTHORIZED', title: 'You are signed out', detail, requestId: cause?.requestId ?? '' };
  return new SignedOut(problemOf(401, known), { cause });
}

/** The error for a call that began as somebody else than is signed in now. */
export function otherAccount(): SignedOut {
  const detail = 'Somebody else signed in meanwhile, and nothing was sent as them. Call again.';
  return new SignedOut(problemOf(401, { code: 'UNAUTHORIZED', title: 'Somebody else is signed in', detail }));
}

/** What becomes of a change of a version that never was, as after a restored backup. */
export function otherHistory(): VersionConflict {
  const detail = 'The record never had the version that this was made from. Read it again, then change it.';
  return new VersionConflict(problemOf(409, { code: 'VERSION_CONFLICT', title: 'The history is another one', detail }));
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
