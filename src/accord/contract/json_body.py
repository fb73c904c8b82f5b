"""One strict JSON parse: what orjson accepts but a contract must not is refused here.

orjson is strict about UTF-8, byte order marks, NaN, infinities and surrogates, and lenient about duplicate keys,
NUL, integers beyond int64 and depth. Looking for signs of those in the bytes is much cheaper than checking every
value, so only a suspicious body is looked at again, without its texts.
"""

import re
from typing import Any, NoReturn

import orjson

MAX_DEPTH = 64
MAX_CONTAINERS = 65_536
"""Objects and lists in one body: making them costs twenty times as much as making texts of the same size."""
LARGE = 65_536
"""Bytes from which on a body's own schema is asked first: looking at each value takes longer than refusing it."""
INT64 = range(-(2**63), 2**63)

_digits_to_0 = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19
_long_integers = re.compile(rb"(?<![0-9.eE+-])-?[0-9]{19,}(?![0-9.eE])").finditer
_CONTAINERS = {dict, list}


class MalformedJson(ValueError):
    """The text is not the JSON we accept; the message names the rule, never the text."""


def parse(body: bytes) -> Any:
    """Return the value of an `application/json` body; raise `MalformedJson` for anything ambiguous or unsafe."""
    value = load(body)
    check(body, value)
    return value


def load(body: bytes) -> Any:
    """Return the value of a body that `check` has yet to look at; raise `MalformedJson` for what is not JSON."""
    if len(body) > LARGE and _containers(body) > MAX_CONTAINERS and _containers(_without_texts(body)) > MAX_CONTAINERS:
        _refuse(f"has more than {MAX_CONTAINERS} objects and lists")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        message = "is not valid JSON in UTF-8"
        raise MalformedJson(message) from None


def check(body: bytes, value: Any) -> None:
    """Raise `MalformedJson` when different parsers could read the body differently, or could not hold it."""
    # Most bodies are one object that has all its keys, and need no closer look.
    is_flat = (
        type(value) is dict
        and body.count(b"{") == 1
        and body.count(b":") == len(value)
        and body.count(b"[") < MAX_DEPTH
    )
    keys = 0 if is_flat else _count_keys(value)
    if b"\\u0000" in body and b"\\u0000" in body.replace(rb"\\", b""):
        _refuse("has a NUL character")
    if not is_flat and body.count(b":") != keys and _without_texts(body).count(b":") != keys:
        _refuse("has the same key twice")
    if _LONG_NUMBER in body.translate(_digits_to_0):
        for found in _long_integers(_without_texts(body)):
            _require_int64(found[0])


def _count_keys(value: Any) -> int:
    """Count the keys of all objects, level by level; refuse a value that has too many levels."""
    keys, depth = 0, 0
    level = [value] if type(value) in _CONTAINERS else []
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            _refuse("is nested too deeply")
        below: list[Any] = []
        for container in level:
            is_object = type(container) is dict
            keys += len(container) if is_object else 0
            items = container.values() if is_object else container
            below += [item for item in items if type(item) in _CONTAINERS]
        level = below
    return keys


def _without_texts(body: bytes) -> bytes:
    """Return the body without its texts and names, so that every colon, bracket and digit is one of the structure."""
    if b"\\" in body:
        # Backslashes are in texts alone; without their pairs, one before a quotation mark makes that a part of a text.
        body = body.replace(rb"\\", b"").replace(rb"\"", b"")
    return b"".join(body.split(b'"')[::2])


def _containers(body: bytes) -> int:
    return body.count(b"{") + body.count(b"[")


def _require_int64(digits: bytes) -> None:
    # Converting thousands of digits is quadratic, and Python refuses it with an error of its own.
    if len(digits) > len(str(INT64.start)) or int(digits) not in INT64:
        _refuse("has an integer outside of 64 bits")


def _refuse(message: str) -> NoReturn:
    raise MalformedJson(message)
