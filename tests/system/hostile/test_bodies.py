"""I-3 and I-4: bodies where there should be none, bodies in pieces, and fields that are not the client's to write."""

import json
from itertools import islice

import pytest
from contract_operations import NAMED, OPERATIONS, WITH_BODY, WITHOUT_BODY, body_properties, example_body, path_of
from raw_http import chunked, exchanged, request

from accord.contract import bundle
from accord.contract.validators import MAX_ERRORS

JSON = ("Content-Type", "application/json")
CHUNKED = ("Transfer-Encoding", "chunked")
# What records have beside the fields of the contract, or clients may think that they have.
MORE = [
    "passwordHash",
    "password_hash",
    "isAdmin",
    "is_admin",
    "permissions",
    "deletedAt",
    "emailKey",
    "currentVersion",
]
MORE += ["__proto__", "constructor", "first_name", "FirstName", "$ref", "", "id ", "expected_version"]
READ_ONLY = {n for s in bundle.load()["components"]["schemas"].values() for n in s.get("properties", ())} | set(MORE)


@pytest.mark.parametrize("operation", WITHOUT_BODY, **NAMED)
async def test_an_operation_without_a_body_refuses_one(attack, operation):
    for headers, body in (
        ([JSON], b"{}"),
        ([], b"text"),
        ([("Content-Type", "text/plain")], b"\xff\x00"),
        ([JSON, CHUNKED], chunked(b"{", b"}")),
        ([JSON, CHUNKED], chunked()),
        ([JSON, ("Content-Length", "5")], b"12345"),
        ([JSON], b"1" * 1_048_577),
    ):
        response = await attack(operation, headers, body)
        assert (response.status, response.code) == (400, "VALIDATION_ERROR"), headers


@pytest.mark.parametrize("operation", WITHOUT_BODY, **NAMED)
async def test_a_body_of_no_length_is_none(attack, operation):
    headers = [("Content-Length", "0"), ("Content-Type", "text/plain")]

    response = await attack(operation, headers, path=path_of(operation))

    assert response.status in {operation.success_status, 404}


@pytest.mark.parametrize("operation", WITH_BODY, **NAMED)
async def test_a_body_in_pieces_is_read_like_one_in_one_piece(attack, operation):
    body = json.dumps(example_body(operation) | {"unknown": 1}).encode()
    pieces = [body[at : at + 1] for at in range(len(body))]

    whole = await attack(operation, [JSON], body)
    cut = await attack(operation, [JSON, CHUNKED], chunked(*pieces))

    assert (whole.status, whole.code) == (cut.status, cut.code) == (400, "VALIDATION_ERROR")
    assert whole.json()["errors"] == cut.json()["errors"] == [{"field": "unknown", "message": "is not a known field"}]


@pytest.mark.parametrize("operation", [o for o in WITH_BODY if o.body_required], **NAMED)
async def test_a_missing_body_is_told(attack, operation):
    for headers, body in (([], None), ([JSON], None), ([JSON], b""), ([JSON, CHUNKED], chunked())):
        response = await attack(operation, headers, body)
        assert (response.status, response.code) == (400, "VALIDATION_ERROR")
        assert response.json()["errors"] == [{"field": "", "message": "a JSON body is required"}]


@pytest.mark.parametrize("operation", WITH_BODY, **NAMED)
async def test_fields_that_clients_may_not_write_are_refused(attack, operation):
    body, names = example_body(operation), iter(sorted(READ_ONLY - set(body_properties(operation))))
    while some := list(islice(names, MAX_ERRORS)):
        refused = [{"field": name, "message": "is not a known field"} for name in some]
        for value in (1, "root", None, {"a": 1}):
            response = await attack(operation, [JSON], json.dumps(dict.fromkeys(some, value) | body).encode())
            assert (response.status, response.code) == (400, "VALIDATION_ERROR"), some
            assert response.json()["errors"] == refused


@pytest.mark.parametrize("operation", OPERATIONS, **NAMED)
async def test_the_method_is_that_of_the_request_line(url, operation):
    """Headers that override it elsewhere mean nothing here."""
    others = {o.method for o in OPERATIONS if o.path == operation.path}
    other = next(method for method in ("PUT", "PATCH", "DELETE") if method not in others)
    override = [("X-HTTP-Method-Override", operation.method), ("X-Method-Override", operation.method)]

    response = await exchanged(url, request(other, path_of(operation), override))

    assert (response.status, response.code) == (405, "METHOD_NOT_ALLOWED")
