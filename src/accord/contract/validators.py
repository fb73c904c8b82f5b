"""Validators compiled once from schemas of the contract.

OpenAPI 3.0 schemas are JSON Schema draft 4 but for `nullable`, so they are checked as draft 4: there, unlike in later
drafts, 1.0 is not an integer.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from itertools import islice
from typing import Any

import jsonschema_rs

from accord.contract import bundle
from accord.contract.field_errors import REFERENCE, FieldError, FieldErrors
from accord.contract.ids import is_id
from accord.contract.references import references
from accord.contract.times import parse_time

MAX_ERRORS = 50
MAX_EMAIL = 255
Validate = Callable[[Any], list[FieldError]]

# RFC 5321 with the letters of RFC 6531: no quoted local parts and no address literals, which no mailbox in use has.
_email = re.compile(
    r"(?=[^@]{1,64}@)[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*"
    r"@(?=.{1,253}\Z)(?:(?!-)[^\W_](?:[\w-]{0,61}[^\W_])?\.)*[^\W_](?:[\w-]{0,61}[^\W_])?"
).fullmatch


def compile_validator(schema: Mapping[str, Any]) -> Validate:
    """Return a function that lists what is wrong with a value: `[{field, message}]`, empty when it fits."""
    plain = _draft4(schema)
    is_valid, explain = _compiled(plain).is_valid, _field_errors().of(plain)

    def validate(value: Any) -> list[FieldError]:
        if is_valid(value):
            return []
        return list(islice(explain(value, ""), MAX_ERRORS)) or [{"field": "", "message": "does not fit the contract"}]

    return validate


def _compiled(plain: Mapping[str, Any]) -> Any:
    return jsonschema_rs.Draft4Validator(
        {**plain, "components": {"schemas": _reachable(plain)}},
        formats={"uuid": is_id, "date": _is_date, "date-time": _is_date_time, "email": _is_email},
        validate_formats=True,
    )


@cache
def _field_errors() -> FieldErrors:
    return FieldErrors(_schemas(), _compiled)


def _is_date(text: str) -> bool:
    """A day that exists, in the years 1 to 9999; `fromisoformat` takes `20260131` and weeks, too."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_date_time(text: str) -> bool:
    try:
        parse_time(text)
    except ValueError:
        return False
    return True


def _is_email(text: str) -> bool:
    """Spaces around an address are not part of it, and a decomposed letter is that letter (A-1)."""
    text = text.strip()
    # Composing takes the square of the length; no form of an address that is good is longer than four times that.
    return len(text) <= 4 * MAX_EMAIL and _email(unicodedata.normalize("NFC", text)) is not None


@cache
def _schemas() -> dict[str, Any]:
    return _draft4(bundle.load()["components"]["schemas"])


def _reachable(schema: Any) -> dict[str, Any]:
    """Return the schemas that this one refers to, directly or not: a validator keeps a copy of all that it is given."""
    found: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        for name in {each.removeprefix(REFERENCE) for each in references(waiting.pop())} - set(found):
            found[name] = _schemas()[name]
            waiting.append(found[name])
    return found


def _draft4(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_draft4(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _draft4(value) for key, value in schema.items() if key != "nullable"}
    if schema.get("nullable") is True:
        plain["type"] = [plain["type"], "null"]
        if "enum" in plain:
            plain["enum"] = [*plain["enum"], None]
    return plain
