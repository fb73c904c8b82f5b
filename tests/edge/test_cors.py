"""E-4: browsers of listed origins may read answers and send credentials; others learn nothing."""

import pytest

from accord import settings

LISTED = "https://app.example.org"
ALLOWING = "access-control-"


def allowed(answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith(ALLOWING)}


@pytest.mark.parametrize("path", ["/api/v1/meta/version", "/api/v1/me", "/nowhere", "/openapi.json"])
async def test_a_listed_origin_reads_answers_and_errors_with_credentials(in_production, path):
    answer = await in_production.get(path, headers={"Origin": LISTED})

    assert allowed(answer)["access-control-allow-origin"] == LISTED
    assert allowed(answer)["access-control-allow-credentials"] == "true"
    exposed = set(allowed(answer)["access-control-expose-headers"].split(", "))
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
async def test_another_origin_gets_no_header(in_production, origin):
    for method in ("GET", "OPTIONS"):
        asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        answer = await in_production.request(method, "/api/v1/meta/version", headers=asked)
        assert allowed(answer) == {}


async def test_caches_keep_the_answers_to_different_origins_apart(in_production):
    for headers in ({}, {"Origin": LISTED}, {"Origin": "https://evil.example"}):
        answer = await in_production.get("/api/v1/meta/version", headers=headers)
        assert "Origin" in answer.headers["vary"]


async def test_a_preflight_is_answered_for_a_day(in_production):
    asked = {
        "Origin": LISTED,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization, content-type, if-match",
    }

    answer = await in_production.options("/api/v1/me", headers=asked)

    assert (answer.status_code, answer.content) == (204, b"")
    assert allowed(answer)["access-control-allow-origin"] == LISTED
    assert allowed(answer)["access-control-max-age"] == "86400"
    assert {"GET", "PATCH"} <= set(allowed(answer)["access-control-allow-methods"].split(", "))
    permitted = allowed(answer)["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "if-match", "if-none-match", "idempotency-key"} <= set(permitted)


async def test_a_preflight_needs_no_token_and_takes_no_place_in_a_rate_limit(in_production):
    asked = {"Origin": LISTED, "Access-Control-Request-Method": "POST"}

    answer = await in_production.options("/api/v1/auth/login", headers=asked)

    assert answer.status_code == 204
    assert "ratelimit" not in answer.headers


async def test_without_listed_origins_nothing_is_said(somebody):
    answer = await somebody.get("/api/v1/meta/version", headers={"Origin": LISTED})

    assert allowed(answer) == {}
    assert "vary" not in answer.headers


def test_a_star_refuses_to_start():
    with pytest.raises(settings.SettingsError, match="CORS_ORIGINS"):
        settings.load({"CORS_ORIGINS": "*"})
