"""Redaction of journal entries: a value under the name of a secret is never written, at any depth."""

from collections.abc import Mapping
from typing import Any

import orjson

from accord.telemetry.secret_names import REDACTED, is_secret


def redacted(value: Any) -> Any:
    """Return the value as JSON's types, with every value under a secret's name replaced, at every depth."""
    if isinstance(value, Mapping):
        return {str(name): REDACTED if is_secret(str(name)) else redacted(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redacted(item) for item in value]
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    return orjson.loads(orjson.dumps(value, default=str))
