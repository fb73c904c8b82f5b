"""One strict JSON parse: what orjson accepts but a contract must not is refused here.

orjson is strict about UTF-8, byte order marks, NaN, infinities and surrogates, and lenient about duplicate keys,
NUL, integers beyond int64 and depth. Looking for signs of those in the bytes is much cheaper than checking every
value, so only a suspicious body is parsed again, slowly, by a parser that refuses them.
"""

import json
import re
from typing import Any, NoReturn

import orjson

MAX_DEPTH = 64
INT64 = range(-(2**63), 2**63)

_digits_to_0 = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19
_key_end = re.compile(rb'"[ \t\n\r]*:')
_nul = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class MalformedJson(ValueError):
    """The text is not the JSON we accept; the message names the rule, never the text."""


def parse(body: bytes) -> Any:
    """Return the value of an `application/json` body; raise `MalformedJson` for anything ambiguous or unsafe."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        message = "is not valid JSON in UTF-8"
        raise MalformedJson(message) from None
    is_flat = _is_flat(value, body)
    keys = 0 if is_flat else _count_keys(value)
    if b"\\u0000" in body and _nul.search(body):
        _refuse("has a NUL character")
    if _LONG_NUMBER in body.translate(_digits_to_0) or not (is_flat or _has_all_keys(body, keys)):
        json.loads(body, object_pairs_hook=_unique, parse_int=_int64)
    return value


def _is_flat(value: Any, body: bytes) -> bool:
    """Say whether this is one object that has all its keys; most bodies are, and need no closer look."""
    return (
        type(value) is dict
        and body.count(b"{") == 1
        and body.count(b":") == len(value)
        and body.count(b"[") < MAX_DEPTH
    )


def _count_keys(value: Any) -> int:
    """Count the keys of all objects, level by level; refuse a value that has too many levels."""
    keys, level = 0, [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for container in level:
            kind = type(container)
            if kind is dict:
                keys += len(container)
                below += container.values()
            elif kind is list:
                below += container
        if not below:
            return keys
        level = below
    if any(type(item) in {dict, list} for item in level):
        _refuse("is nested too deeply")
    return keys


def _has_all_keys(body: bytes, keys: int) -> bool:
    """Every key is followed by a colon, so more colons than keys means colons in texts, or a key that came twice.

    Few colons in texts follow a quotation mark, so the closer look, which costs more, mostly ends the suspicion.
    """
    return body.count(b":") == keys or len(_key_end.findall(body)) == keys


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        _refuse("has the same key twice")
    return unique


def _int64(digits: str) -> int:
    # Converting thousands of digits is quadratic, and Python refuses it with an error of its own.
    if len(digits) > len(str(INT64.start)) or int(digits) not in INT64:
        _refuse("has an integer outside of 64 bits")
    return int(digits)


def _refuse(message: str) -> NoReturn:
    raise MalformedJson(message)
