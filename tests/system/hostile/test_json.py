"""I-1: a strict parser. What different parsers read differently, or cannot hold, is refused as a whole."""

import json

import pytest
from contract_operations import NAMED, WITH_BODY, example_body
from hostile_input import MEMBERS, WHOLE

VALUES = [b"null", b"true", b"0", b'"text"', b"[]", b"[{}]", b"1e2", b"-0"]


async def refused(attack, operation, body: bytes, what: str) -> None:
    response = await attack(operation, [("Content-Type", "application/json")], body)

    assert (response.status, response.code) == (400, "VALIDATION_ERROR"), what
    assert [error["field"] for error in response.json()["errors"]] == [""], (what, response.body)


@pytest.mark.parametrize("operation", WITH_BODY, **NAMED)
async def test_a_member_that_is_no_good_spoils_the_whole(attack, operation):
    good = json.dumps(example_body(operation)).encode()
    for what, member in MEMBERS.items():
        await refused(attack, operation, b"{" + member + b"," + good[1:], what)


@pytest.mark.parametrize("operation", WITH_BODY, **NAMED)
async def test_a_body_that_is_not_one_json_text_in_utf_8_is_refused(attack, operation):
    for what, body in WHOLE.items():
        await refused(attack, operation, body, what)


@pytest.mark.parametrize("operation", WITH_BODY, **NAMED)
async def test_a_body_that_is_not_an_object_is_refused(attack, operation):
    for body in VALUES:
        await refused(attack, operation, body, body.decode())


@pytest.mark.parametrize("operation", WITH_BODY, **NAMED)
async def test_a_field_that_comes_twice_is_refused_although_both_are_good(attack, operation):
    body = example_body(operation)
    for name, value in body.items():
        member = f"{json.dumps(name)}:{json.dumps(value)}".encode()
        good = json.dumps(body).encode()
        await refused(attack, operation, b"{" + member + b"," + good[1:], name)


async def test_harmless_text_that_looks_suspicious_is_accepted(attack):
    echo = next(operation for operation in WITH_BODY if operation.id == "echo")
    for message in ('a "quoted": b', ":::", "9" * 40, "\\u0000", "{[" * 40, "\U0001f600", "\u2028", "a\\", "\x7f"):
        for ascii_only in (True, False):
            body = json.dumps({"message": message}, ensure_ascii=ascii_only).encode()
            response = await attack(echo, [("Content-Type", "application/json")], body)
            assert (response.status, response.json()) == (200, {"message": message})
