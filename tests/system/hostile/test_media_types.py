"""I-1: one parsing guard. A body is `application/json` in UTF-8, or it is not looked at."""

import pytest
from contract_operations import NAMED, WITH_BODY
from raw_http import chunked

ACCEPTED = [
    "application/json",
    "APPLICATION/JSON",
    "Application/Json; Charset=UTF-8",
    "application/json;charset=utf-8",
    "application/json ; charset=utf-8",
    'application/json; charset="utf-8"',
]
REFUSED = [
    "text/plain",
    "text/json",
    "application/jsonx",
    "application/json5",
    "application/problem+json",
    "application/merge-patch+json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "*/*",
    "application/*",
    "json",
    "",
    "application/json; charset=utf-7",
    "application/json; charset=utf-16",
    "application/json; charset=iso-8859-1",
    "application/json; charset=unknown-8bit",
    "application/json; charset=",
    "application/json; charset=utf-8; charset=utf-7",
    "application/json; profile=x",
    "application/json, text/plain",
    "application/json\t;\tcharset=utf-16le",
    b"application/json; charset=\xff",
    "application/json; charset=" + "a" * 20_000,
]


@pytest.mark.parametrize("operation", WITH_BODY, **NAMED)
async def test_json_is_json_in_any_letter_case(attack, operation):
    for kind in ACCEPTED:
        response = await attack(operation, [("Content-Type", kind)], b"0")
        assert (response.status, response.code) == (400, "VALIDATION_ERROR"), kind


@pytest.mark.parametrize("operation", WITH_BODY, **NAMED)
async def test_other_media_types_are_415(attack, operation):
    for kind in REFUSED:
        response = await attack(operation, [("Content-Type", kind)], b"{}")
        assert (response.status, response.code) == (415, "UNSUPPORTED_MEDIA_TYPE"), kind


@pytest.mark.parametrize("operation", WITH_BODY, **NAMED)
async def test_a_body_without_a_type_or_with_two_is_415(attack, operation):
    twice = [("Content-Type", "application/json"), ("Content-Type", "text/plain")]
    for headers in ([], twice, twice[::-1], [twice[0], twice[0]]):
        response = await attack(operation, headers, b"{}")
        assert (response.status, response.code) == (415, "UNSUPPORTED_MEDIA_TYPE"), headers


@pytest.mark.parametrize("operation", WITH_BODY, **NAMED)
async def test_an_encoded_body_is_415(attack, operation):
    kind = ("Content-Type", "application/json")
    for coding in ("gzip", "deflate", "br", "identity", "", "gzip, gzip", "nonsense"):
        response = await attack(operation, [kind, ("Content-Encoding", coding)], b"{}")
        assert (response.status, response.code) == (415, "UNSUPPORTED_MEDIA_TYPE"), coding


@pytest.mark.parametrize("operation", WITH_BODY, **NAMED)
async def test_a_transfer_coding_other_than_chunks_is_400_and_ends_the_connection(attack, operation):
    """RFC 9112, section 6.1: whether the end of such a body was found is not certain."""
    for coding in ("gzip, chunked", "identity, chunked", "chunked, chunked"):
        transferred = [("Content-Type", "application/json"), ("Transfer-Encoding", coding)]
        response = await attack(operation, transferred, chunked(b"{}"))
        assert (response.status, response.code) == (400, "VALIDATION_ERROR"), coding
        assert response.headers["connection"] == "close", coding
