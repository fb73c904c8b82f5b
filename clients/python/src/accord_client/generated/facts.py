"""What the contract says beyond types. Generated from openapi/bundle.json; never edited."""

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

ANONYMOUS: Final = frozenset(["echo", "get_signing_keys", "get_version", "login", "refresh", "register", "setup"])
"""Operations that nobody signs in for."""
FOR_ANYBODY: Final = frozenset(["get_session", "healthcheck", "logout", "logout_all"])
"""Operations that do without somebody who is signed in, but tell them more."""
KEYED: Final = frozenset(["create_conversation", "create_message", "create_user", "register", "setup"])
"""Operations that take an Idempotency-Key."""
REPEATABLE: Final = frozenset(
    [
        "apply_transaction",
        "get_conversation",
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
        "list_messages",
        "list_my_activity",
        "list_users",
        "query_records",
        "refresh",
        "stream_changes",
        "verify_audit",
    ]
)
"""Operations that do nothing twice when the same request comes twice, key or no key."""
CREATABLE: Final[Mapping[str, frozenset[str]]] = {
    "conversations": frozenset(["memberIds", "tags", "title"]),
    "messages": frozenset(["conversationId", "text"]),
}
"""For each table the fields that a new record is given."""
MOMENTS: Final[Mapping[str, frozenset[str]]] = {"conversations": frozenset(["archivedAt"])}
"""For each table the fields that hold a time of the service, or null."""
ListType: TypeAlias = Literal["conversations", "messages"]
"""What lists there are to follow."""
RecordOperation: TypeAlias = Union[
    SetOperation, SetNowOperation, ListInsertOperation, ListRemoveOperation, CreateOperation, DeleteOperation
]
RecordValue: TypeAlias = Union[str, float, bool, list[str], None]
