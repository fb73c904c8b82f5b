"""One strict JSON parse: what orjson accepts but a contract must not is refused here.

orjson is strict about UTF-8, byte order marks, NaN, infinities and surrogates, and lenient about duplicate keys,
NUL, integers beyond int64 and depth. Screening the raw bytes for any sign of those is much cheaper than checking
every value, so only a suspicious body is parsed again, slowly, by a parser that refuses them.
"""

import json
import re
from typing import Any, NoReturn

import orjson

MAX_DEPTH = 64
INT64 = range(-(2**63), 2**63)

_long_number = re.compile(rb"[0-9]{19}")


class MalformedJson(ValueError):
    """The text is not the JSON we accept; the message names the rule, never the text."""


def parse(body: bytes) -> Any:
    """Return the value of an `application/json` body; raise `MalformedJson` for anything ambiguous or unsafe."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        message = "is not valid JSON in UTF-8"
        raise MalformedJson(message) from None
    if _suspicious(body, value):
        _parse_slowly(body)
    return value


def _suspicious(body: bytes, value: Any) -> bool:
    return (
        body.count(b"{") + body.count(b"[") > MAX_DEPTH
        or b"\\u0000" in body
        or _long_number.search(body) is not None
        # Every key is followed by a colon, so fewer keys than colons means a colon in a text, or a lost duplicate.
        or body.count(b":") != _count_keys(value)
    )


def _count_keys(value: Any) -> int:
    if type(value) is dict:
        count = len(value)
        for inner in value.values():
            if type(inner) is dict or type(inner) is list:
                count += _count_keys(inner)
        return count
    if type(value) is list:
        return sum(_count_keys(inner) for inner in value if type(inner) is dict or type(inner) is list)
    return 0


def _parse_slowly(body: bytes) -> None:
    try:
        value = json.loads(body, object_pairs_hook=_unique, parse_int=_int64, parse_constant=_no_constant)
    except RecursionError:
        _refuse("is nested too deeply")
    _check(value, depth=1)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        _refuse("has the same key twice")
    return unique


def _int64(digits: str) -> int:
    # The length is checked first: converting thousands of digits is quadratic, and Python refuses it with ValueError.
    if len(digits) > len(str(INT64.start)) or int(digits) not in INT64:
        _refuse("has an integer outside of 64 bits")
    return int(digits)


def _no_constant(_: str) -> NoReturn:
    _refuse("has a number that is not finite")


def _check(value: Any, depth: int) -> None:
    if isinstance(value, str):
        if "\0" in value:
            _refuse("has a NUL character")
    elif isinstance(value, (dict, list)):
        if depth > MAX_DEPTH:
            _refuse("is nested too deeply")
        for inner in (*value, *value.values()) if isinstance(value, dict) else value:
            _check(inner, depth + 1)


def _refuse(message: str) -> NoReturn:
    raise MalformedJson(message)
