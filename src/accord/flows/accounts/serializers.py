"""Serializers for accounts."""

from collections.abc import Mapping
from typing import Any

from accord.contract.names import snake_case
from accord.contract.serializers import record_serializer
from accord.contract.types import User

user = record_serializer(User)


def changed_columns(body: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the columns of the named fields that the body has."""
    return {snake_case(name): body[name] for name in names if name in body}
