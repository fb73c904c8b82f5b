"""The Python client of Accord: no lost update, no lost event.

`AsyncAccord` is for asyncio, `Accord` for code that waits. `models` has the types of the contract, `errors` what calls
raise.
"""

from . import errors, models
from .blocking import Accord
from .cache import Cache, Changed, Lost, Refused
from .changes import Changes, Resync, list_key, record_key
from .client import AsyncAccord
from .errors import (
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
)
from .generated.metadata import ListType, RecordOperation, RecordValue
from .generated.types import UNSET, Unset
from .live import Live
from .tokens import FileTokens, MemoryTokens, Tokens, TokenStore

__all__ = [
    "UNSET",
    "Accord",
    "AccordError",
    "AccountLocked",
    "AlreadyEnded",
    "AlreadyExists",
    "AsyncAccord",
    "BusinessRuleViolation",
    "Cache",
    "Changed",
    "Changes",
    "ConnectionFailed",
    "FileTokens",
    "Forbidden",
    "IdempotencyInProgress",
    "IdempotencyKeyReused",
    "InternalError",
    "InvalidCredentials",
    "ListType",
    "Live",
    "Lost",
    "MemoryTokens",
    "MethodNotAllowed",
    "NotAcceptable",
    "NotFound",
    "PayloadTooLarge",
    "PreconditionFailed",
    "RateLimited",
    "RecordOperation",
    "RecordValue",
    "Refused",
    "Resync",
    "ResyncRequired",
    "ServiceUnavailable",
    "SignedOut",
    "Timeout",
    "TokenExpired",
    "TokenStore",
    "Tokens",
    "TooManyWaiting",
    "Unauthorized",
    "UnexpectedResponse",
    "Unset",
    "UnsupportedMediaType",
    "ValidationFailed",
    "VersionConflict",
    "errors",
    "list_key",
    "models",
    "record_key",
]
