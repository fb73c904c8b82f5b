"""I-2: paths and queries are texts with one meaning, or they are refused; a malformed id is simply not there."""

import json
from urllib.parse import quote, unquote

import pytest
from contract_operations import (
    NAMED,
    OPERATIONS,
    WITH_BODY,
    body_properties,
    example_body,
    example_query,
    parameters,
    path_of,
)

from accord.contract.tools.breaking import ANY_TEXT

WITH_QUERY = [operation for operation in OPERATIONS if parameters(operation, "query")]
WITH_PATH = [operation for operation in OPERATIONS if parameters(operation, "path")]
TEXTS = ["%FF", "%00", "a%00b", "%ED%A0%80", "%C0%AF", "%E2%82", "%F4%90%80%80", "%", "%1", "%ZZ", "%u0041"]
INTEGERS = [
    *TEXTS,
    "",
    "1_0",
    "+5",
    "%2B5",
    "%205",
    "5%20",
    "5%0A",
    quote("\u0663"),
    quote("\uff15"),
    quote("\u00b2"),
    "nan",
    "inf",
    "1e2",
    "1.0",
    "5.",
    "0x10",
    "0b1",
    "01",
    "--5",
    "five",
    "true",
    "null",
    "[1]",
    "1,2",
    "9223372036854775808",
    "-9223372036854775809",
    "9" * 5000,
    "-1",
]
EMAILS = [
    "no-at",
    "@example.com",
    "ada@",
    "ada@example..com",
    "ada@-example.com",
    "a%20b@example.com",
    "ada@example.com%0ABcc:x@y.z",
    "ada@@example.com",
    "a" * 65 + "@example.com",
    "a" * 250 + "@example.com",
    "ada@example.com%00",
    "%3Cscript%3E@x",
]
IDS = [
    "1",
    "me",
    "01980d5e7b1c7c3a9f2e3b5a6c7d8e9f",
    "{01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f}",
    "urn:uuid:01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f",
    "01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9",
    "01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f0",
    "01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9g",
    "%2001980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f",
    "01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f%0A",
    quote("\u0660\u0661980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f"),
    "%00",
    "%FF",
    "%ED%A0%80",
    "%",
    "%2F",
    "a%2Fb",
    "..%2F..%2Fetc%2Fpasswd",
    "'%20OR%201=1--",
    "$%7Bjndi:ldap:%7D",
    "%7B%7B7*7%7D%7D",
    "-1",
    "null",
    "a" * 7000,
]


MOMENTS = [
    "10000-01-01T00:00:00Z",
    "99999-12-31T23:59:59Z",
    "+12026-01-31T09:30:00Z",
    "-0001-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-02-30T09:30:00Z",
    "2026-13-01T09:30:00Z",
    "2026-00-01T09:30:00Z",
    "2026-01-31T24:00:00Z",
    "2026-01-31T09:30:60Z",
    "2026-01-30T23:59:60Z",
    "2026-01-31T23:59:60+01:00",
    "9999-12-31T23:59:60Z",
    "2026-01-31T09:30:61Z",
    "2026-01-31T09:30:00.0123456789Z",
    "2026-01-31T09:30:00,5Z",
    "2026-01-31T09:30Z",
    "2026-01-31T09:30:00+0100",
    "2026-01-31T09:30:00+01",
    "2026-01-31T09:30:00-23:60",
    "20260131T093000Z",
    "2026-01-31T09:60:00Z",
    "2026-01-31T09:30:00",
    "2026-01-31",
    "2026-01-31 09:30:00Z",
    "2026-01-31T09:30:00.Z",
    "2026-01-31T09:30:00+24:00",
    "2026-01-31T09:30:00Z\n",
    "\u0662026-01-31T09:30:00Z",
    "1769851800",
    "now",
    "",
]


DATES = [
    "0000-01-01",
    "10000-01-01",
    "+2026-01-31",
    "2026-02-30",
    "2026-13-01",
    "2026-00-01",
    "2026-1-31",
    "20260131",
    "2026-W05-6",
    "2026-01-31T00:00:00Z",
    "2026-01-31 ",
    "2026-01-31\n",
    "\u0662026-01-31",
    "today",
    "",
]


def plain(texts: list[str]) -> list[str]:
    """Return the texts as they are in a body, where NUL is not even JSON."""
    return [unquote(text) for text in texts if "%00" not in text and "%FF" not in text]


FORMATS = {"date": DATES, "date-time": MOMENTS, "email": plain(EMAILS), "uuid": plain(IDS)}


def bad_values(parameter) -> list[str]:
    if parameter.schema["type"] == "integer":
        return INTEGERS
    if "format" in parameter.schema:
        return TEXTS + [quote(text, safe="%") for text in FORMATS[parameter.schema["format"]]]
    return [*TEXTS, "%07"]


@pytest.mark.parametrize("operation", WITH_QUERY, **NAMED)
async def test_a_value_that_the_contract_does_not_have_is_400(attack, operation):
    for parameter in parameters(operation, "query"):
        others = "".join(f"&{n}={quote(str(v))}" for n, v in example_query(operation).items() if n != parameter.name)
        for value in bad_values(parameter):
            response = await attack(operation, query=f"{parameter.name}={value}{others}")
            assert (response.status, response.code) == (400, "VALIDATION_ERROR"), value
            assert {error["field"] for error in response.json()["errors"]} <= {parameter.name, "query"}


@pytest.mark.parametrize("operation", OPERATIONS, **NAMED)
async def test_repeated_or_unknown_parameters_are_400(attack, operation):
    known = "&".join(f"{name}={quote(str(value))}" for name, value in example_query(operation).items())
    rows = ["unknown=1", "unknown", "=1", "page[]=1", "page[a]=b", "page[a][b]=c", "__proto__=x", "%70age%5B%5D=1"]
    rows += [
        "unknown=1&unknown=2",
        "%FF=1",
        "%00=1",
        "%ZZ=1",
        ";page=1",
        "a=1;b=2",
        "Page=1",
        " page=1".replace(" ", "+"),
    ]
    rows += [f"{p.name}=1&{p.name}=1" for p in parameters(operation, "query")]
    body = json.dumps(example_body(operation)).encode() if operation in WITH_BODY else None
    headers = [("Content-Type", "application/json")] if body else None
    for row in rows:
        response = await attack(operation, headers, body, query=f"{known}&{row}" if known else row)
        assert (response.status, response.code) == (400, "VALIDATION_ERROR"), row


@pytest.mark.parametrize("operation", WITH_PATH, **NAMED)
async def test_a_malformed_id_is_not_found(attack, operation):
    body = json.dumps(example_body(operation)).encode() if operation in WITH_BODY else None
    headers = [("Content-Type", "application/json")] if body else None
    for parameter in parameters(operation, "path"):
        for value in IDS:
            response = await attack(operation, headers, body, path=path_of(operation, **{parameter.name: value}))
            assert (response.status, response.code) == (404, "NOT_FOUND"), value


def bad_header_values(parameter) -> list[bytes]:
    """Return what is too long, and what is no text where a list of tags, which takes every text, is not meant."""
    long = b'"' + b"1" * 5000 + b'"'
    return [long] if parameter.schema.get("pattern") == ANY_TEXT else [b"\xff", b"caf\xc3\xa9", long, b""]


@pytest.mark.parametrize("operation", OPERATIONS, **NAMED)
async def test_a_header_that_the_contract_does_not_have_is_400(attack, operation):
    for parameter in parameters(operation, "header"):
        for value in bad_header_values(parameter):
            body = json.dumps(example_body(operation)).encode() if operation in WITH_BODY else None
            kind = [("Content-Type", "application/json")] if body else []
            response = await attack(operation, [*kind, (parameter.name, value)], body)
            assert (response.status, response.code) == (400, "VALIDATION_ERROR"), value


@pytest.mark.parametrize("operation", WITH_BODY, **NAMED)
async def test_formats_are_enforced_in_bodies(attack, operation):
    body = example_body(operation)
    for name, schema in body_properties(operation).items():
        for value in FORMATS.get(schema.get("format", ""), ()):
            sent = json.dumps(body | {name: value}).encode()
            response = await attack(operation, [("Content-Type", "application/json")], sent)
            assert (response.status, response.code) == (400, "VALIDATION_ERROR"), value
            assert {error["field"] for error in response.json()["errors"]} == {name}, value


def test_every_format_of_a_body_or_parameter_is_tried():
    found = {schema.get("format") for operation in WITH_BODY for schema in body_properties(operation).values()}
    found |= {parameter.schema.get("format") for operation in OPERATIONS for parameter in operation.parameters}

    assert found - {None, "password", "double"} <= set(FORMATS)
