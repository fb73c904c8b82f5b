"""The strict parser: everything that is one unambiguous JSON text comes out as it went in, and nothing else."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accord.contract.json_body import INT64, MAX_DEPTH, MalformedJson, parse

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
numbers = st.integers(INT64.start, INT64[-1]) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=30,
)
spaces = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")])
# Time is the machine's, which others share.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(values, spaces, st.booleans())
@settings(unhurried, max_examples=300)
def test_every_value_comes_out_as_it_went_in(value, separators, ascii_only):
    text = json.dumps(value, separators=separators, ensure_ascii=ascii_only)

    assert json.dumps(parse(text.encode())) == json.dumps(value)


@given(values, texts, values, spaces, st.booleans())
@settings(unhurried, max_examples=200)
def test_a_name_that_comes_twice_is_always_found(around, name, value, separators, escaped):
    first, again = json.dumps(name, ensure_ascii=True), json.dumps(name, ensure_ascii=escaped)
    inner = json.dumps(value)
    twice = f"{{{first}{separators[1]}{inner}{separators[0]}{again}{separators[1]}{inner}}}"

    with pytest.raises(MalformedJson, match="twice"):
        parse(f"[{json.dumps(around)},{twice}]".encode())


@given(values, texts, texts)
@unhurried
def test_a_nul_is_always_found(around, before, after):
    text = json.dumps([around, f"{before}\0{after}"])

    with pytest.raises(MalformedJson, match="NUL"):
        parse(text.encode())


@given(st.integers(min_value=INT64[-1] + 1) | st.integers(max_value=INT64.start - 1))
@unhurried
def test_an_integer_beyond_64_bits_is_always_found(number):
    with pytest.raises(MalformedJson):
        parse(json.dumps({"a": ["99999999999999999999", number]}).encode())


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_the_depth_is_counted_exactly(opening, closing):
    inner = b"0" if opening != b"[" else b""

    parse(opening * MAX_DEPTH + inner + closing * MAX_DEPTH)
    with pytest.raises(MalformedJson, match="deeply"):
        parse(opening * (MAX_DEPTH + 1) + inner + closing * (MAX_DEPTH + 1))
