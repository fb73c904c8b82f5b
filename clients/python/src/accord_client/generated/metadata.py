"""Facts of the contract beyond types. Generated from the bundle and errors.json; never edited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, Union

from .models import (
    CreateOperation,
    DeleteOperation,
    ListInsertOperation,
    ListRemoveOperation,
    SetNowOperation,
    SetOperation,
)

ANONYMOUS: Final = frozenset(
    ["delete_inbox", "echo", "get_signing_keys", "get_version", "list_inbox", "login", "refresh", "register", "setup"]
)
"""Operations without a sign-in."""
FOR_ANYBODY: Final = frozenset(["get_session", "healthcheck", "logout", "logout_all"])
"""Operations for every caller, with more in the response to a signed-in one."""
KEYED: Final = frozenset(
    ["create_conversation", "create_message", "create_user", "register", "run_schedule", "setup", "start_verify_audit"]
)
"""Operations that take an Idempotency-Key."""
REPEATABLE: Final = frozenset(
    [
        "apply_transaction",
        "get_conversation",
        "get_job",
        "get_job_stats",
        "get_me",
        "get_message",
        "get_session",
        "get_signing_keys",
        "get_user",
        "get_user_by_email",
        "get_user_stats",
        "get_version",
        "healthcheck",
        "list_audit",
        "list_changes",
        "list_conversations",
        "list_inbox",
        "list_jobs",
        "list_messages",
        "list_my_activity",
        "list_my_jobs",
        "list_queues",
        "list_schedules",
        "list_users",
        "query_records",
        "refresh",
        "start_verify_audit",
        "stream_changes",
        "verify_audit",
    ]
)
"""Operations that do nothing twice when the same request is sent twice, with or without a key."""
CREATABLE: Final[Mapping[str, frozenset[str]]] = {
    "conversations": frozenset(["memberIds", "tags", "title"]),
    "messages": frozenset(["conversationId", "text"]),
}
"""For each table the fields of a request that creates a record."""
MOMENTS: Final[Mapping[str, frozenset[str]]] = {"conversations": frozenset(["archivedAt"])}
"""For each table the fields that hold a time of the service, or null."""
ListType: TypeAlias = Literal["conversations", "jobs", "messages"]
"""The types of the lists that clients follow."""
RecordOperation: TypeAlias = Union[
    SetOperation, SetNowOperation, ListInsertOperation, ListRemoveOperation, CreateOperation, DeleteOperation
]
RecordValue: TypeAlias = Union[str, float, bool, list[str], None]
Step: TypeAlias = Literal["final", "again", "repeat", "wait"]
"""The next step after an error: `final`, the service would respond the same another time;
`again`, nothing was done; `repeat`, sent again where twice is once; `wait`, not until something changes.
"""
CODES: Final[Mapping[str, tuple[str, Step]]] = {
    "VALIDATION_ERROR": ("ValidationFailed", "final"),
    "UNAUTHORIZED": ("Unauthorized", "wait"),
    "TOKEN_EXPIRED": ("TokenExpired", "wait"),
    "INVALID_CREDENTIALS": ("InvalidCredentials", "wait"),
    "FORBIDDEN": ("Forbidden", "final"),
    "NOT_FOUND": ("NotFound", "final"),
    "METHOD_NOT_ALLOWED": ("MethodNotAllowed", "wait"),
    "NOT_ACCEPTABLE": ("NotAcceptable", "wait"),
    "VERSION_CONFLICT": ("VersionConflict", "final"),
    "ALREADY_EXISTS": ("AlreadyExists", "final"),
    "IDEMPOTENCY_IN_PROGRESS": ("IdempotencyInProgress", "again"),
    "RESYNC_REQUIRED": ("ResyncRequired", "wait"),
    "PRECONDITION_FAILED": ("PreconditionFailed", "final"),
    "PAYLOAD_TOO_LARGE": ("PayloadTooLarge", "final"),
    "UNSUPPORTED_MEDIA_TYPE": ("UnsupportedMediaType", "wait"),
    "BUSINESS_RULE_VIOLATION": ("BusinessRuleViolation", "final"),
    "ALREADY_ENDED": ("AlreadyEnded", "final"),
    "IDEMPOTENCY_KEY_REUSED": ("IdempotencyKeyReused", "final"),
    "RATE_LIMIT_EXCEEDED": ("RateLimited", "again"),
    "ACCOUNT_LOCKED": ("AccountLocked", "wait"),
    "INTERNAL_ERROR": ("InternalError", "wait"),
    "SERVICE_UNAVAILABLE": ("ServiceUnavailable", "repeat"),
    "TOO_MANY_WAITING": ("TooManyWaiting", "wait"),
    "TIMEOUT": ("Timeout", "repeat"),
}
"""The class of the error of each code, and the next step."""
STATUSES: Final[Mapping[int, tuple[str, Step]]] = {
    400: ("ValidationFailed", "final"),
    401: ("Unauthorized", "wait"),
    403: ("Forbidden", "final"),
    404: ("NotFound", "final"),
    405: ("MethodNotAllowed", "wait"),
    406: ("NotAcceptable", "wait"),
    409: ("AccordError", "final"),
    410: ("ResyncRequired", "wait"),
    412: ("PreconditionFailed", "final"),
    413: ("PayloadTooLarge", "final"),
    415: ("UnsupportedMediaType", "wait"),
    422: ("BusinessRuleViolation", "final"),
    429: ("RateLimited", "again"),
    500: ("InternalError", "wait"),
    503: ("ServiceUnavailable", "repeat"),
    504: ("Timeout", "repeat"),
}
"""The same by status, for codes newer than this package. A 409 has several meanings and no class."""
OF_A_PROXY: Final = frozenset([413, 429, 503, 504])
"""Statuses of a proxy in the place of the service, with the meaning that the service gives them."""
