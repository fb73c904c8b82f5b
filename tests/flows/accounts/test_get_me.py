import time

import pytest

from accord.security.tokens import AccessTokens
from accord.settings import Settings


async def test_returns_the_account_of_the_token_and_its_version(given):
    me = await given.an_account(first_name="Grace", version=3)

    response = await me.get("/api/v1/me")

    assert response.status_code == 200
    assert response.json() == me.user
    assert (response.json()["firstName"], response.json()["version"]) == ("Grace", 3)
    assert response.headers["etag"] == '"3"'
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("held", ['"3"', 'W/"3"', '"1", "3"', "*"])
async def test_a_read_with_the_current_version_is_304_without_a_body(given, held):
    me = await given.an_account(version=3)

    response = await me.get("/api/v1/me", {"If-None-Match": held})

    assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", '"3"')


async def test_a_read_with_another_version_gets_the_account(given):
    me = await given.an_account(version=3)

    response = await me.get("/api/v1/me", {"If-None-Match": '"2"'})

    assert (response.status_code, response.json()["version"]) == (200, 3)


async def test_without_a_token_it_says_how_to_authenticate(given):
    response = await (await given.somebody()).get("/api/v1/me")

    assert (response.status_code, response.json()["code"]) == (401, "UNAUTHORIZED")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("token", "times"), [("nonsense", 1), ("a.b.c", 1), ("x", 5000), ("x", 1_000_000)])
async def test_a_malformed_token_is_invalid(given, token, times):
    somebody = await given.somebody(authorization=f"Bearer {token * times}")

    response = await somebody.get("/api/v1/me")

    assert (response.status_code, response.json()["code"]) == (401, "UNAUTHORIZED")
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    ("change", "age", "code"),
    [
        ({}, 0, None),
        ({}, 3600, "TOKEN_EXPIRED"),
        ({"jwt_audience": "accord-ticket"}, 0, "UNAUTHORIZED"),
        ({"jwt_issuer": "somebody-else"}, 0, "UNAUTHORIZED"),
    ],
)
async def test_a_token_that_we_signed_counts_in_its_time_and_for_its_purpose_only(given, change, age, code):
    me = await given.an_account()
    session = (await me.get("/api/v1/auth/session")).json()["session"]["id"]
    tokens = AccessTokens(Settings(data_dir=given.service.folder / "data", **change))

    me.http.headers["authorization"] = f"Bearer {tokens.issue(me.id, session, time.time() - age)}"
    response = await me.get("/api/v1/me")

    assert response.json().get("code") == code
    assert response.status_code == (401 if code else 200)


async def test_a_token_of_another_signer_is_refused(given, tmp_path):
    me = await given.an_account()
    session = (await me.get("/api/v1/auth/session")).json()["session"]["id"]
    stranger = AccessTokens(Settings(data_dir=tmp_path))

    me.http.headers["authorization"] = f"Bearer {stranger.issue(me.id, session, time.time())}"

    assert (await me.get("/api/v1/me")).status_code == 401
