/** The TypeScript SDK of Accord. */

export { Cache, type CacheEvent, type Followed, type Outcome, type Table } from './cache.js';
export { Accord, type AccordOptions } from './client.js';
export type { UpdateOptions } from './conflicts.js';
export {
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
} from './errors.js';
export * from './generated/operations.gen.js';
export * from './generated/types.gen.js';
export type { Following, Resync } from './follower.js';
export { type FollowOptions, listKey, type Live, recordKey } from './live.js';
export type { Lists, Page } from './pages.js';
export { localStorageTokens, memoryTokens, type Tokens, type TokenStore } from './tokens.js';
export { newKey } from './retries.js';
