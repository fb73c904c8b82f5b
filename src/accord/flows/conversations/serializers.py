"""Serializers for conversations and messages, and the columns that a request changes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accord.contract.names import snake_case
from accord.contract.serializers import record_serializer
from accord.contract.types import Conversation, Message

conversation = record_serializer(Conversation)
message = record_serializer(Message)


def changed_columns(body: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the columns that a change of a conversation sets."""
    names = ("title", "tags", "pinnedMessageIds")
    columns = {snake_case(name): body[name] for name in names if name in body}
    if "archived" in body:
        columns["archived_at"] = now if body["archived"] else None
    return columns
