"""The quick parse by signs accepts exactly what a slow and strict parser accepts, and reads the same."""

import json
import time
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accord.contract.json_body import INT64, MAX_DEPTH, MalformedJson, parse

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.sampled_from('a:"\\{[,1é\0\n\u2028'), max_size=8)
)
KEYS = st.text(st.sampled_from('ab:"\\'), max_size=3)


def objects(values):
    # Written by hand, as a dictionary could not have the same key twice.
    return st.lists(st.tuples(KEYS, values), max_size=4).map(
        lambda pairs: "{" + " , ".join(f"{json.dumps(key)} : {value}" for key, value in pairs) + "}"
    )


DOCUMENTS = st.recursive(
    SCALARS.map(json.dumps) | SCALARS.map(lambda value: json.dumps(value, ensure_ascii=False)),
    lambda values: objects(values) | st.lists(values, max_size=4).map(lambda items: f"[{','.join(items)}]"),
    max_leaves=12,
)


def strictly(text):
    """Parse with hooks that refuse, then look at every value: slow, and plainly right."""

    def unique(pairs):
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    value = json.loads(text, object_pairs_hook=unique)
    check(value, 1)
    return value


def check(value, depth):
    if isinstance(value, int):
        assert value in INT64
    elif isinstance(value, str):
        assert "\0" not in value
    elif isinstance(value, list | dict):
        assert depth <= MAX_DEPTH
        for inner in [*value, *(value.values() if isinstance(value, dict) else ())]:
            check(inner, depth + 1)


def outcome(parser, text):
    try:
        return json.dumps(parser(text))
    except (AssertionError, ValueError):
        return "refused"


@settings(max_examples=1000, deadline=None)
@given(DOCUMENTS)
@example('{"a": 1, "a": 1}')
@example('{"a:": 1, "b": "c:d"}')
@example('{"a": "b\\": 1, \\"c", "a": 2}')
@example('["\\\\u0000"]')
@example('["\\u0000"]')
@example("[9223372036854775807, -9223372036854775808]")
@example("[9223372036854775808]")
@example("[-9223372036854775809]")
@example("1" * 5000)
@example("[" * MAX_DEPTH + "]" * MAX_DEPTH)
@example("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))
@example('{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1))
def test_it_agrees_with_a_strict_parser(text):
    assert outcome(parse, text.encode()) == outcome(strictly, text)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"[1,]",
        b"{'a': 1}",
        b"NaN",
        b"[Infinity]",
        b"1e400",
        b"01",
        b"+1",
        b"\xef\xbb\xbf{}",
        b'"\xff"',
        b'"\xc3"',
        b'"\\ud800"',
        '"é"'.encode("utf-16"),
        b"[1] [2]",
        b'"\t"',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_it_refuses_what_is_not_json(body):
    with pytest.raises(MalformedJson):
        parse(body)


def test_the_refusal_never_repeats_the_text():
    for text in ('{"secret": 1, "secret": 2}', '["secret\\u0000"]', "[99999999999999999999]", '["secret'):
        with pytest.raises(MalformedJson) as refused:
            parse(text.encode())
        assert "secret" not in str(refused.value)
        assert "999" not in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"9" * 1_000_000 + b"]",
        b'{"a": "' + b":" * 1_000_000 + b'"}',
        b'["' + b"\\\\" * 500_000 + b'u0000"]',
        b"{" + b'"":1,' * 150_000 + b'"":1}',
        b"[" + b"[]," * 300_000 + b"[]]",
        b'["' + b'\\":' * 300_000 + b'"]',
    ],
    ids=["digits", "colons", "backslashes", "keys", "containers", "quoted colons"],
)
def test_no_megabyte_takes_long(body):
    started = time.process_time()

    with suppress(MalformedJson):
        parse(body)

    assert time.process_time() - started < 2
