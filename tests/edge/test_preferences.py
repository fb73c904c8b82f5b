"""The header `Prefer` (RFC 7240), as the edge reads it."""

import time

import pytest

from accord.edge.pipeline.preferences import prefers_async

LONG = 60_000


@pytest.mark.parametrize(
    "value",
    [
        b"respond-async",
        b"Respond-ASYNC",
        b"wait=10, respond-async",
        b"respond-async,wait=10",
        b", ,\trespond-async",
        b'respond-async; a; b=c ; d="e, f"',
        b'respond-async=""',
        b"respond-async =",
        b'note="a \\" b, c", respond-async',
        b"handling=lenient;, respond-async",
    ],
)
def test_respond_async_counts_wherever_it_stands(value):
    assert prefers_async(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b" , ",
        b"wait=10",
        b"respond-asynchronously",
        b"respond-async=yes",
        b'note="respond-async"',
        b'note="a, respond-async"',
        b"note; respond-async",
        b"note=respond-async",
        b'note="never closed, respond-async',
        b"\x80\xff, respond-async",
        b"respond async",
    ],
)
def test_other_preferences_and_malformed_ones_are_ignored(value):
    assert not prefers_async(value)


@pytest.mark.parametrize(
    "value",
    [b"a" + b" " * LONG, b"a=" + b"\t" * LONG + b"\0", b"a" + b"; " * LONG + b"=", b'a="' + b'\\"' * LONG, b"," * LONG],
)
def test_a_long_value_takes_no_longer_than_its_length(value):
    started = time.perf_counter()

    assert not prefers_async(value)

    assert time.perf_counter() - started < 0.5
