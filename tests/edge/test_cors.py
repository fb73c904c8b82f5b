"""E-4: browsers of listed origins may read responses and send credentials; others learn nothing."""

import pytest
from checked_client import client
from contract_operations import OPERATIONS, parameters

from accord import settings
from accord.contract import bundle
from accord.contract.references import resolve

LISTED = "https://app.example.org"
ALLOWING = "access-control-"


def allowed(response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith(ALLOWING)}


@pytest.mark.parametrize("path", ["/api/v1/meta/version", "/api/v1/me", "/nowhere", "/openapi.json"])
async def test_a_listed_origin_reads_responses_and_errors_with_credentials(in_production, path):
    response = await in_production.get(path, headers={"Origin": LISTED})

    assert allowed(response)["access-control-allow-origin"] == LISTED
    assert allowed(response)["access-control-allow-credentials"] == "true"
    exposed = set(allowed(response)["access-control-expose-headers"].split(", "))
    assert exposed >= {"ETag", "Link", "Retry-After", "RateLimit", "X-Request-Id"}


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "https://app.example.org.evil.example",
        "https://app.example.org:444",
        "http://app.example.org",
        "https://APP.example.org",
        "https://app.example.org/",
        "*",
        "",
    ],
)
async def test_a_foreign_origin_gets_no_header(in_production, origin):
    for method in ("GET", "OPTIONS"):
        asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        response = await in_production.request(method, "/api/v1/meta/version", headers=asked)
        assert allowed(response) == {}


async def test_caches_keep_the_responses_for_different_origins_apart(in_production):
    for headers in ({}, {"Origin": LISTED}, {"Origin": "https://evil.example"}):
        response = await in_production.get("/api/v1/meta/version", headers=headers)
        assert "Origin" in response.headers["vary"]


async def test_a_preflight_is_valid_for_a_day(in_production):
    asked = {
        "Origin": LISTED,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization, content-type, if-match",
    }

    response = await in_production.options("/api/v1/me", headers=asked)

    assert (response.status_code, response.content) == (204, b"")
    assert allowed(response)["access-control-allow-origin"] == LISTED
    assert allowed(response)["access-control-max-age"] == "86400"
    assert {"GET", "PATCH"} <= set(allowed(response)["access-control-allow-methods"].split(", "))
    permitted = allowed(response)["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "if-match", "if-none-match", "idempotency-key"} <= set(permitted)


async def test_a_preflight_needs_no_token_and_takes_no_place_in_a_rate_limit(in_production):
    asked = {"Origin": LISTED, "Access-Control-Request-Method": "POST"}

    response = await in_production.options("/api/v1/auth/login", headers=asked)

    assert response.status_code == 204
    assert "ratelimit" not in response.headers


@pytest.mark.parametrize(
    "path", ["/openapi.json", "/asyncapi.yaml", "/livez", "/readyz", "/metrics", "/problems/NOT_FOUND"]
)
async def test_pages_beside_the_contract_are_preflighted_like_operations(in_production, path):
    asked = {"Origin": LISTED, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-request-id"}

    response = await in_production.options(path, headers=asked)
    other = await in_production.options(path, headers=asked | {"Origin": "https://evil.example"})

    assert (response.status_code, response.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert allowed(response)["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    assert "x-request-id" in allowed(response)["access-control-allow-headers"].lower()
    assert (other.status_code, allowed(other)) == (204, {})


async def test_headers_that_the_service_reads_or_writes_are_allowed_and_exposed(in_production):
    document = bundle.load()
    taken = {p.name.lower() for o in OPERATIONS for p in parameters(o, "header")}
    given = {name.lower() for o in OPERATIONS for name in responded_headers(document, o)}
    asked = {"Origin": LISTED, "Access-Control-Request-Method": "GET"}

    preflight = await in_production.options("/api/v1/me", headers=asked)
    response = await in_production.get("/api/v1/me", headers={"Origin": LISTED})

    permitted = set(allowed(preflight)["access-control-allow-headers"].lower().split(", "))
    exposed = set(allowed(response)["access-control-expose-headers"].lower().split(", "))
    assert permitted >= taken | {"x-request-id", "x-trace-id", "traceparent", "tracestate", "baggage", "last-event-id"}
    assert exposed >= given | {"x-request-id", "x-trace-id", "ratelimit-policy", "www-authenticate"}


def responded_headers(document, operation):
    """Return the headers that the contract names for any response of an operation."""
    for response in operation.definition["responses"].values():
        yield from resolve(document, response).get("headers", {})


@pytest.mark.parametrize(
    "origin", ["http://localhost:5173", "http://127.0.0.1:8000", "http://[::1]:3000", "http://localhost"]
)
async def test_in_development_pages_of_this_machine_may_call_from_any_port(development, origin):
    asked = {"Origin": origin, "Access-Control-Request-Method": "PATCH"}
    async with client(development.url) as http:
        response = await http.get("/api/v1/meta/version", headers={"Origin": origin})
        preflight = await http.options("/api/v1/me", headers=asked)

    assert allowed(response)["access-control-allow-origin"] == origin
    assert allowed(preflight)["access-control-allow-origin"] == origin


@pytest.mark.parametrize("origin", ["http://localhost.evil.example", "http://localhost:1:2", "http://127.0.0.2:80"])
async def test_in_development_no_other_page_may(development, origin):
    async with client(development.url) as http:
        assert allowed(await http.get("/api/v1/meta/version", headers={"Origin": origin})) == {}


async def test_in_development_a_cached_anonymous_response_is_not_given_to_a_page(development):
    async with client(development.url) as http:
        for headers in ({}, {"Origin": "http://localhost:5173"}, {"Origin": "https://evil.example"}):
            assert "Origin" in (await http.get("/openapi.json", headers=headers)).headers["vary"]


async def test_in_production_pages_of_this_machine_are_like_others(in_production):
    assert allowed(await in_production.get("/api/v1/meta/version", headers={"Origin": "http://localhost:9"})) == {}


async def test_a_refused_origin_is_logged_once(in_production, production, until):
    origin = "https://forgotten.example.org"
    for _ in range(3):
        await in_production.get("/api/v1/meta/version", headers={"Origin": origin})

    async def output():
        return production.program.output()

    assert (await until(output, lambda said: origin in said)).count(origin) == 1


async def test_without_listed_origins_nothing_is_said(somebody):
    response = await somebody.get("/api/v1/meta/version", headers={"Origin": LISTED})

    assert allowed(response) == {}
    assert "vary" not in response.headers


def test_a_star_refuses_to_start():
    with pytest.raises(settings.SettingsError, match="CORS_ORIGINS"):
        settings.load({"CORS_ORIGINS": "*"})
