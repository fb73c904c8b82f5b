"""J-1: nothing under the name of a secret is written, at whatever depth, and nothing else is lost."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accord.journal.redaction import redacted
from accord.telemetry.secret_names import REDACTED, is_secret

SECRET = [
    "apiKey",
    "api_key",
    "APIKey",
    "apikey",
    "key",
    "keys",
    "privateKey",
    "privatekey",
    "signingKey2",
    "refresh_token",
    "refreshToken",
    "accesstoken",
    "tokens",
    "passwordHash",
    "password_hash",
    "passwordhash",
    "hash",
    "newPassword",
    "PASSWORD",
    "Password-Confirmation",
    "oldpassword2",
    "clientSecret",
    "secrets",
    "cookie",
    "setCookie",
    "Authorization",
    "credentials",
    "totpSecret",
    "otp",
    "jwt",
    "X-API-KEY",
]
HARMLESS = [
    "keyboard",
    "monkey",
    "turkey",
    "donkeys",
    "hashtag",
    "hashtags",
    "secretary",
    "tokenizer",
    "cookiecutter",
    "name",
    "firstName",
    "email",
    "passenger",
    "passed",
    "bypass",
    "compass",
    "monkeyBusiness",
    "keynote",
    "keyword",
    "whiskey",
    "optional",
    "salted",
    "title",
    "version",
    "",
]


@pytest.mark.parametrize("name", SECRET)
def test_the_name_of_a_secret_is_known(name):
    assert is_secret(name)


@pytest.mark.parametrize("name", HARMLESS)
def test_a_word_that_only_looks_like_one_is_kept(name):
    assert not is_secret(name)


harmless = st.sampled_from(HARMLESS)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(harmless, inner, max_size=3)
        | st.dictionaries(st.sampled_from(SECRET), st.lists(st.just("canary")) | st.just({"a": ["canary"]}), max_size=2)
    ),
    max_leaves=20,
)


def judge(before: Any, after: Any) -> None:
    """Compare what went in with what came out, place by place."""
    if isinstance(before, dict):
        assert before.keys() == after.keys()
        for name, inner in before.items():
            if name in SECRET:
                assert after[name] == REDACTED
            else:
                judge(inner, after[name])
    elif isinstance(before, (list, tuple)):
        assert len(before) == len(after)
        for inner, shown in zip(before, after, strict=True):
            judge(inner, shown)
    else:
        assert before == after


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=values)
def test_every_secret_is_replaced_and_everything_else_stays(value):
    shown = redacted(value)

    assert "canary" not in str(shown)
    judge(value, shown)
    assert redacted(shown) == shown


def test_names_of_a_real_entry():
    fields = {
        "email": "ada@example.com",
        "password_hash": "x",
        "list": [{"refreshToken": "x", "name": "kept"}, [{"apiKey": "x"}], ({"client_secret": {"inner": "x"}},)],
        "deep": {"deeper": {"Authorization": "x", "cookie": ["x"], "n": 1, "none": None}},
    }

    assert redacted(fields) == {
        "email": "ada@example.com",
        "password_hash": REDACTED,
        "list": [{"refreshToken": REDACTED, "name": "kept"}, [{"apiKey": REDACTED}], [{"client_secret": REDACTED}]],
        "deep": {"deeper": {"Authorization": REDACTED, "cookie": REDACTED, "n": 1, "none": None}},
    }
