"""C-8 to C-12: one shape of error, that tells what to do and nothing that others must not know."""

import json
import re
from uuid import uuid4

import psycopg
import pytest
from checked_client import new_address
from contract_operations import NAMED, WITH_BODY, body_properties, path_of
from given import PASSWORD, details
from log_lines import logged

from accord.contract import bundle

CODES = {
    "VALIDATION_ERROR": 400,
    "UNAUTHORIZED": 401,
    "TOKEN_EXPIRED": 401,
    "INVALID_CREDENTIALS": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "NOT_ACCEPTABLE": 406,
    "VERSION_CONFLICT": 409,
    "ALREADY_EXISTS": 409,
    "PRECONDITION_FAILED": 412,
    "PAYLOAD_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "BUSINESS_RULE_VIOLATION": 422,
    "ACCOUNT_LOCKED": 429,
    "RATE_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "SERVICE_UNAVAILABLE": 503,
    "TIMEOUT": 504,
}
REJECTED = "cAnArY-7f3a9-cAnArY"
IN_THE_CONTRACT = set(re.findall(r'"code": ?"([A-Z_]+)"', json.dumps(bundle.load())))


async def refusals(given):
    """Provoke errors of many kinds; each is (status, code, the request that got it)."""
    me, root, nobody = await given.an_account(), await given.root(), await given.somebody()
    plain = {"Content-Type": "text/plain"}
    return [
        (400, "VALIDATION_ERROR", await nobody.post("/api/v1/meta/echo", json={})),
        (401, "UNAUTHORIZED", await nobody.get("/api/v1/me")),
        (401, "INVALID_CREDENTIALS", await nobody.post("/api/v1/auth/refresh", json={"refreshToken": "x"})),
        (403, "FORBIDDEN", await me.get("/api/v1/users")),
        (404, "NOT_FOUND", await root.get(f"/api/v1/users/{uuid4()}")),
        (405, "METHOD_NOT_ALLOWED", await nobody.delete("/api/v1/meta/version")),
        (406, "NOT_ACCEPTABLE", await nobody.get("/api/v1/meta/version", headers={"Accept": "text/html"})),
        (409, "ALREADY_EXISTS", await root.post("/api/v1/users", **details(email=me.email))),
        (409, "VERSION_CONFLICT", await me.patch("/api/v1/me", expectedVersion=99, firstName="Grace")),
        (413, "PAYLOAD_TOO_LARGE", await nobody.post("/api/v1/meta/echo", content=b"1" * 1_048_577)),
        (415, "UNSUPPORTED_MEDIA_TYPE", await nobody.post("/api/v1/meta/echo", content=b"{}", headers=plain)),
        (422, "BUSINESS_RULE_VIOLATION", await root.post("/api/v1/users", **details(password="password1"))),
    ]


async def test_every_error_is_a_problem_with_all_that_a_client_needs(given):
    for status, code, response in await refusals(given):
        problem = response.json()

        assert (response.status_code, problem["code"]) == (status, code)
        assert response.headers["content-type"] == "application/problem+json"
        assert problem["status"] == status
        assert problem["type"] == f"/problems/{code}"
        assert problem["instance"] == response.request.url.path
        assert problem["requestId"] == response.headers["x-request-id"]
        assert problem["title"]
        assert len(problem["detail"].split()) >= 4, "the detail says what to do next"


async def test_the_fields_of_a_problem_are_there_where_they_apply(given):
    found = {code: response.json() for _, code, response in await refusals(given)}

    assert found["VALIDATION_ERROR"]["errors"] == [{"field": "message", "message": "is required"}]
    assert (found["VERSION_CONFLICT"]["currentVersion"], found["VERSION_CONFLICT"]["expectedVersion"]) == (1, 99)
    assert "errors" not in found["NOT_FOUND"]


async def test_a_field_is_named_by_its_path(given):
    body = {"message": "x", "tags": ["fine", 1, ""], "count": "x", "unknown": 1}

    response = await (await given.somebody()).post("/api/v1/meta/echo", json=body)

    fields = {error["field"] for error in response.json()["errors"]}
    assert fields == {"tags[1]", "tags[2]", "count", "unknown"}


async def test_validation_errors_are_reported_together_up_to_a_limit(given):
    nobody = await given.somebody()
    many = {f"unknown{number}": 1 for number in range(1000)}

    both = await nobody.post("/api/v1/meta/echo", json={}, params={"unknown": "1"})
    bounded = await nobody.post("/api/v1/meta/echo", json=many)

    assert {error["field"] for error in both.json()["errors"]} == {"unknown", "message"}
    assert len(bounded.json()["errors"]) <= 51


@pytest.mark.parametrize("code", sorted({*CODES, *IN_THE_CONTRACT}))
async def test_every_code_has_a_page_that_its_type_leads_to(somebody, code):
    response = await somebody.get(f"/problems/{code}")

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert code in response.text
    assert f"status {CODES.get(code, '')}" in response.text


@pytest.mark.parametrize("code", ["NO_SUCH_CODE", "", "validation_error", "%2E%2E", "<script>"])
async def test_other_codes_have_none(somebody, code):
    assert (await somebody.get(f"/problems/{code}")).status_code == 404


@pytest.mark.parametrize(
    ("authorization", "code", "challenge"),
    [
        (None, "UNAUTHORIZED", "Bearer"),
        ("Basic dXNlcjpwYXNz", "UNAUTHORIZED", "Bearer"),
        ("Bearer", "UNAUTHORIZED", 'Bearer error="invalid_token"'),
        ("bearer not-a-token", "UNAUTHORIZED", 'Bearer error="invalid_token"'),
        ("Bearer a.b.c", "UNAUTHORIZED", 'Bearer error="invalid_token"'),
    ],
)
async def test_401_says_how_to_authenticate(given, authorization, code, challenge):
    nobody = await given.somebody()

    response = await nobody.get("/api/v1/me", headers={"Authorization": authorization} if authorization else {})

    assert (response.status_code, response.json()["code"]) == (401, code)
    assert response.headers["www-authenticate"] == challenge


async def test_a_bad_token_is_anonymous_where_signing_in_is_optional(given):
    nobody = await given.somebody()

    for authorization in ("Basic dXNlcjpwYXNz", "Bearer", "Bearer nonsense"):
        response = await nobody.get("/api/v1/auth/session", headers={"Authorization": authorization})
        assert (response.status_code, response.json()["authenticated"]) == (200, False)


@pytest.mark.parametrize("operation", WITH_BODY, **NAMED)
async def test_messages_never_repeat_what_was_rejected(given, operation):
    root = await given.root()
    path = path_of(operation, userId=root.id)

    for wrong in (REJECTED * 2000, {"x": REJECTED}, [{"x": REJECTED}]):
        elsewhere, body = {"X-Forwarded-For": new_address()}, dict.fromkeys(body_properties(operation), wrong)
        response = await root.http.request(operation.method, path, json=body, headers=elsewhere)
        assert response.status_code == 400, response.text
        assert REJECTED.lower() not in response.text.lower()


async def test_a_rejected_parameter_is_not_repeated_either(given):
    root = await given.root()

    response = await root.get("/api/v1/users", page=REJECTED, limit=REJECTED, search=f"{REJECTED}\u0007")

    assert {error["field"] for error in response.json()["errors"]} == {"page", "limit", "search"}
    assert REJECTED not in response.text


async def test_an_unexpected_failure_is_told_in_the_log_only(given, service):
    body = details() | {"setupToken": "x"}
    async with await psycopg.AsyncConnection.connect(service.database_url, autocommit=True) as connection:
        await connection.execute("ALTER TABLE accord.setup_tokens RENAME TO setup_tokens_away")
        try:
            response = await (await given.somebody()).post("/api/v1/setup", json=body)
        finally:
            await connection.execute("ALTER TABLE accord.setup_tokens_away RENAME TO setup_tokens")

    assert (response.status_code, response.json()["code"]) == (500, "INTERNAL_ERROR")
    assert re.search("setup_tokens|SELECT|Traceback|psycopg|relation", response.text) is None
    lines = await logged(service, response.json()["requestId"], count=2)
    assert any("Traceback" in line.get("exception", "") and "setup_tokens" in line["exception"] for line in lines)
    assert PASSWORD not in json.dumps(lines)
    assert any(line.get("traceEvents", [""])[-1].startswith("ERROR: ") for line in lines)


@pytest.mark.parametrize(
    ("expected_version", "ending"), [(1, "SUCCESS"), (9, "REJECTED: VERSION_CONFLICT")], ids=["success", "rejected"]
)
async def test_trace_events_of_a_flow_are_logged_and_in_no_response(given, service, expected_version, ending):
    me = await given.an_account()

    response = await me.patch("/api/v1/me", expectedVersion=expected_version, firstName="Grace")

    [line] = [line for line in await logged(service, response.headers["x-request-id"]) if "traceEvents" in line]
    assert (line["operation"], line["traceEvents"][-1]) == ("updateMe", ending)
    assert not {"success", "data", "errorCode", "extensions", "traceEvents"} & set(response.json())
