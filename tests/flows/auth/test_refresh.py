import base64

import jwt
import pytest


async def refresh(account, token):
    return await account.http.post("/api/v1/auth/refresh", json={"refreshToken": token})


async def test_gives_a_new_refresh_token_and_an_access_token_of_the_same_session(given):
    me = await given.an_account()
    session = (await me.get("/api/v1/auth/session")).json()["session"]

    response = await refresh(me, me.tokens["refreshToken"])

    tokens = response.json()
    assert (response.status_code, tokens["tokenType"], tokens["expiresIn"]) == (200, "Bearer", 900)
    assert tokens["user"] == me.user
    assert tokens["refreshToken"] != me.tokens["refreshToken"]
    me.http.headers["authorization"] = f"Bearer {tokens['accessToken']}"
    now = (await me.get("/api/v1/auth/session")).json()["session"]
    assert (now["id"], now["expiresAt"]) == (session["id"], session["expiresAt"])
    assert now["lastActiveAt"] > session["lastActiveAt"]


async def test_every_token_has_256_bits_of_its_own(given):
    me = await given.an_account()
    tokens = [me.tokens["refreshToken"], (await given.signed_in(me.email)).tokens["refreshToken"]]

    tokens.append((await refresh(me, tokens[0])).json()["refreshToken"])

    assert {len(base64.urlsafe_b64decode(f"{token}=")) for token in tokens} == {32}
    assert len({token[:8] for token in tokens}) == 3


async def test_the_stored_token_is_a_hash(given):
    me = await given.an_account()
    token = (await refresh(me, me.tokens["refreshToken"])).json()["refreshToken"]

    rows = await given.sql(
        "SELECT t::text FROM accord.refresh_tokens t JOIN accord.sessions s ON s.id = session_id WHERE s.user_id = %s",
        me.id,
    )

    assert len(rows) == 2
    assert not [row for row in rows if token in row[0] or token.encode().hex() in row[0]]


async def test_within_its_grace_the_previous_token_gives_the_same_successor(given):
    me = await given.an_account()

    first, second = [await refresh(me, me.tokens["refreshToken"]) for _ in range(2)]

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["refreshToken"] == second.json()["refreshToken"]
    assert (await refresh(me, second.json()["refreshToken"])).status_code == 200


async def test_the_number_of_repeats_is_bounded(given):
    me = await given.an_account()
    await refresh(me, me.tokens["refreshToken"])
    await given.sql(
        "UPDATE accord.refresh_tokens SET repeats = 20 FROM accord.sessions s"
        " WHERE s.id = session_id AND s.user_id = %s",
        me.id,
    )

    assert (await refresh(me, me.tokens["refreshToken"])).status_code == 401


async def days_pass(given, account):
    """Move what happened to the account's tokens back by days, as far as a lost response may be tried again."""
    await given.sql(
        "UPDATE accord.refresh_tokens SET rotated_at = rotated_at - interval '3 days' FROM accord.sessions s"
        " WHERE s.id = session_id AND s.user_id = %s",
        account.id,
    )
    await given.sql(
        "UPDATE accord.sessions SET token_used_at = token_used_at - interval '3 days',"
        " last_active_at = last_active_at - interval '3 days' WHERE user_id = %s",
        account.id,
    )


async def test_a_lost_response_is_returned_again_at_any_time(given):
    me = await given.an_account()
    lost = (await refresh(me, me.tokens["refreshToken"])).json()
    # Its old access token goes on for a while, and says nothing of the successor.
    assert (await me.get("/api/v1/me")).status_code == 200
    await days_pass(given, me)

    again = await refresh(me, me.tokens["refreshToken"])

    assert again.status_code == 200
    assert again.json()["refreshToken"] == lost["refreshToken"]
    assert (await refresh(me, lost["refreshToken"])).status_code == 200


async def test_for_its_grace_after_the_successor_was_used_the_previous_token_still_gives_it(given):
    me = await given.an_account()
    tokens = (await refresh(me, me.tokens["refreshToken"])).json()
    arrived = await given.somebody(authorization=f"Bearer {tokens['accessToken']}")
    assert (await arrived.get("/api/v1/me")).status_code == 200

    again = await refresh(me, me.tokens["refreshToken"])

    assert (again.status_code, again.json()["refreshToken"]) == (200, tokens["refreshToken"])


async def test_the_access_token_of_any_repeat_shows_that_the_successor_came(given):
    me = await given.an_account()
    await refresh(me, me.tokens["refreshToken"])
    tokens = (await refresh(me, me.tokens["refreshToken"])).json()
    arrived = await given.somebody(authorization=f"Bearer {tokens['accessToken']}")
    assert (await arrived.get("/api/v1/me")).status_code == 200
    await days_pass(given, me)

    assert (await refresh(me, me.tokens["refreshToken"])).status_code == 401


async def test_after_its_grace_the_previous_token_ends_the_session(given):
    me = await given.an_account()
    tokens = (await refresh(me, me.tokens["refreshToken"])).json()
    arrived = await given.somebody(authorization=f"Bearer {tokens['accessToken']}")
    assert (await arrived.get("/api/v1/me")).status_code == 200
    await given.sql(
        "UPDATE accord.sessions SET token_used_at = token_used_at - interval '31 seconds' WHERE user_id = %s", me.id
    )

    reused = await refresh(me, me.tokens["refreshToken"])

    assert (reused.status_code, reused.json()["code"]) == (401, "INVALID_CREDENTIALS")
    assert (await refresh(me, tokens["refreshToken"])).status_code == 401
    assert (await arrived.get("/api/v1/auth/session")).json()["authenticated"] is False


async def test_the_use_of_a_successor_is_written_once_and_of_a_first_token_never(given):
    me = await given.an_account()

    async def version_of_the_row():
        return (await given.sql("SELECT xmin, token_used_at FROM accord.sessions WHERE user_id = %s", me.id))[0]

    first = await version_of_the_row()
    await me.get("/api/v1/me")
    assert await version_of_the_row() == first
    tokens = (await refresh(me, me.tokens["refreshToken"])).json()
    arrived = await given.somebody(authorization=f"Bearer {tokens['accessToken']}")
    await arrived.get("/api/v1/me")
    used = await version_of_the_row()
    again = (await refresh(me, me.tokens["refreshToken"])).json()
    for token in (tokens, again):
        await (await given.somebody(authorization=f"Bearer {token['accessToken']}")).get("/api/v1/me")
    assert await version_of_the_row() == used
    assert used[1] is not None


async def test_an_older_token_ends_the_session_although_the_request_fails(given):
    me = await given.an_account()
    session = (await me.get("/api/v1/auth/session")).json()["session"]["id"]
    second = (await refresh(me, me.tokens["refreshToken"])).json()["refreshToken"]
    third = (await refresh(me, second)).json()["refreshToken"]

    reused = await refresh(me, me.tokens["refreshToken"])

    assert reused.status_code == 401
    [entry] = await given.entries(reused)
    assert (entry["kind"], entry["record_table"], entry["record_id"]) == ("event", "sessions", session)
    assert entry["fields"] == {"event": "refresh reuse detected"}
    assert [(await refresh(me, token)).status_code for token in (third, second)] == [401, 401]
    assert (await me.get("/api/v1/auth/session")).json()["authenticated"] is False


async def test_deleting_old_sessions_changes_no_response(given, until):
    me = await given.an_account()
    elsewhere = await given.signed_in(me.email)
    session = (await elsewhere.get("/api/v1/auth/session")).json()["session"]["id"]
    for account in (me, elsewhere):
        token = (await refresh(account, account.tokens["refreshToken"])).json()["refreshToken"]
        assert (await refresh(account, token)).status_code == 200
    await given.sql("UPDATE accord.sessions SET ended_at = now() - interval '31 days' WHERE id = %s", session)
    before = await refresh(elsewhere, elsewhere.tokens["refreshToken"])

    await given.jobs.run("deleteOldSessions")

    # Another job may be at it, too, and what it is deleting is left to it.
    await until(lambda: given.sql("SELECT FROM accord.sessions WHERE id = %s", session), lambda rows: not rows)
    after = await refresh(elsewhere, elsewhere.tokens["refreshToken"])
    assert [(a.status_code, a.json()["code"], a.json()["detail"]) for a in (before, after)] == [
        (401, "INVALID_CREDENTIALS", "The session is over. Sign in again.")
    ] * 2
    assert (await elsewhere.http.post("/api/v1/auth/logout")).status_code == 204
    reused = await refresh(me, me.tokens["refreshToken"])
    assert [entry["fields"] for entry in await given.entries(reused)] == [{"event": "refresh reuse detected"}]


async def test_other_sessions_of_the_person_go_on(given):
    me = await given.an_account()
    elsewhere = await given.signed_in(me.email)
    await refresh(me, (await refresh(me, me.tokens["refreshToken"])).json()["refreshToken"])

    assert (await refresh(me, me.tokens["refreshToken"])).status_code == 401
    assert (await refresh(elsewhere, elsewhere.tokens["refreshToken"])).status_code == 200


@pytest.mark.parametrize(
    "time_passes",
    [
        "UPDATE accord.sessions SET expires_at = now() WHERE user_id = %s",
        "UPDATE accord.sessions SET last_active_at = last_active_at - interval '7 days' WHERE user_id = %s",
    ],
)
async def test_a_session_ends_by_age_and_by_idleness(given, time_passes):
    me = await given.an_account()
    await given.sql(time_passes, me.id)

    response = await refresh(me, me.tokens["refreshToken"])

    assert (response.status_code, response.json()["code"]) == (401, "INVALID_CREDENTIALS")


async def test_an_access_token_does_not_outlive_its_session(given):
    me = await given.an_account()
    await given.sql("UPDATE accord.sessions SET expires_at = now() + interval '10 minutes' WHERE user_id = %s", me.id)

    tokens = (await refresh(me, me.tokens["refreshToken"])).json()

    claims = jwt.decode(tokens["accessToken"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == tokens["expiresIn"]
    assert 500 <= tokens["expiresIn"] <= 600


async def test_an_unknown_token_is_refused(given):
    me = await given.an_account()

    assert (await refresh(me, "no-such-token")).status_code == 401


async def test_the_journal_has_it_without_the_token(given):
    me = await given.an_account()

    response = await refresh(me, me.tokens["refreshToken"])

    [entry] = await given.entries(response)
    assert (entry["actor_id"], entry["fields"]) == (me.id, {"event": "refreshed"})


async def test_no_other_token_takes_its_place(given):
    me = await given.an_account()
    bearer = await given.somebody(authorization=f"Bearer {me.tokens['refreshToken']}")

    assert (await refresh(me, "x" + me.tokens["accessToken"].partition(".")[0])).status_code == 401
    assert (await bearer.get("/api/v1/me")).status_code == 401
