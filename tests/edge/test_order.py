"""E-1: of several things that are wrong with a request, the one that stands first in the order is told."""

import httpx
import pytest
from checked_client import new_address
from given import new_email

WRONG = {"email": new_email(), "password": "not the password"}
PLAIN, HTML, JSON = {"Content-Type": "text/plain"}, {"Accept": "text/html"}, {"Content-Type": "application/json"}


@pytest.fixture
async def exhausted(service):
    """A client that has signed in as often as it may."""
    async with httpx.AsyncClient(base_url=service.url, headers={"X-Forwarded-For": new_address()}) as http:
        for number in range(5):
            body = WRONG | {"email": f"{number}-{WRONG['email']}"}
            assert (await http.post("/api/v1/auth/login", json=body)).status_code == 401
        yield http


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        (PLAIN, b"{}", "UNSUPPORTED_MEDIA_TYPE"),
        (JSON, b" " * 1_048_577, "PAYLOAD_TOO_LARGE"),
        (JSON, b"{", "RATE_LIMIT_EXCEEDED"),
        (JSON | {"Authorization": "Bearer nonsense"}, b"{}", "RATE_LIMIT_EXCEEDED"),
    ],
)
async def test_the_guard_of_bodies_comes_before_the_rate_limit_and_that_before_validation(
    exhausted, headers, body, code
):
    response = await exhausted.post("/api/v1/auth/login", headers=headers, content=body)

    assert response.json()["code"] == code


@pytest.mark.parametrize(
    ("path", "headers", "body", "code"),
    [
        ("/api/v1/conversations", PLAIN, b"{}", "UNSUPPORTED_MEDIA_TYPE"),
        ("/api/v1/conversations", JSON, b"{", "UNAUTHORIZED"),
        ("/api/v1/conversations", JSON | {"Idempotency-Key": "with space"}, b"{", "UNAUTHORIZED"),
    ],
)
async def test_the_caller_is_authenticated_after_the_guard_and_before_the_body_is_read(
    somebody, path, headers, body, code
):
    response = await somebody.post(path, headers=headers, content=body)

    assert response.json()["code"] == code


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [("/api/v1/meta/version", HTML, 406), ("/api/v1/meta/echo", {}, 405), ("/api/v1/me", {}, 401), ("/x", {}, 404)],
)
async def test_every_error_has_a_request_id_security_headers_and_cors_headers(in_production, path, headers, status):
    origin = {"Origin": "https://app.example.org", "X-Request-Id": f"refused-with-{status}"}

    response = await in_production.get(path, headers=headers | origin)

    assert (response.status_code, response.headers["x-request-id"]) == (status, f"refused-with-{status}")
    assert response.headers["access-control-allow-origin"] == "https://app.example.org"
    assert response.headers["x-content-type-options"] == "nosniff"
