from datetime import datetime, timedelta

import pytest

NOBODY = {"authenticated": False, "user": None, "session": None}


async def test_returns_the_account_and_the_time_of_signing_in(given):
    me = await given.an_account()

    response = await me.get("/api/v1/auth/session")

    state = response.json()
    assert (response.status_code, state["authenticated"], state["user"]) == (200, True, me.user)
    assert state["session"]["createdAt"] == state["session"]["lastActiveAt"] < state["session"]["expiresAt"]


async def test_a_session_lasts_seven_days(given):
    session = (await (await given.an_account()).get("/api/v1/auth/session")).json()["session"]

    begun, ends = (datetime.fromisoformat(session[name]) for name in ("createdAt", "expiresAt"))
    assert ends - begun == timedelta(days=7)


@pytest.mark.parametrize(
    "authorization", [None, "Bearer", "Bearer nonsense", "Bearer a.b.c", "Basic YTpi", "nonsense", "Bearer \xff"]
)
async def test_never_fails_for_want_of_a_good_token(given, authorization):
    somebody = await given.somebody()
    headers = {} if authorization is None else {"authorization": authorization.encode("latin-1")}

    response = await somebody.get("/api/v1/auth/session", headers=headers)

    assert (response.status_code, response.json()) == (200, NOBODY)


async def test_after_signing_out_it_says_so_at_once(given):
    me = await given.an_account()
    await me.post("/api/v1/auth/logout")

    assert (await me.get("/api/v1/auth/session")).json() == NOBODY


async def test_a_session_past_its_time_is_over(given):
    me = await given.an_account()
    await given.sql("UPDATE accord.sessions SET expires_at = now() WHERE user_id = %s", me.id)

    assert (await me.get("/api/v1/auth/session")).json() == NOBODY
