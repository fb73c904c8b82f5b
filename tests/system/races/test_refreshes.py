from asyncio import create_task, gather

import psycopg


async def test_10_parallel_refreshes_get_the_same_successor_in_one_lineage(given):
    me = await given.an_account()
    body = {"refreshToken": me.tokens["refreshToken"]}

    async with await psycopg.AsyncConnection.connect(given.service.database_url) as holder:
        # While this lock is held the ten gather at the same point.
        await holder.execute(
            "SELECT FROM accord.refresh_tokens t"
            " JOIN accord.sessions s ON s.id = session_id WHERE s.user_id = %s FOR UPDATE OF t",
            [me.id],
        )
        requests = [create_task(me.http.post("/api/v1/auth/refresh", json=body)) for _ in range(10)]
        await given.lock_waiters(5)
        await holder.commit()
    responses = await gather(*requests)

    assert [response.status_code for response in responses] == [200] * 10
    [successor] = {response.json()["refreshToken"] for response in responses}
    [(tokens, repeats)] = await given.sql(
        "SELECT count(*), sum(repeats) FROM accord.refresh_tokens t"
        " JOIN accord.sessions s ON s.id = session_id WHERE user_id = %s",
        me.id,
    )
    assert (tokens, repeats) == (2, 9)
    events = [event for response in responses for event in await given.entries(response)]
    assert [event["fields"] for event in events] == [{"event": "refreshed"}]
    assert (await me.http.post("/api/v1/auth/refresh", json={"refreshToken": successor})).status_code == 200


async def test_a_thief_and_the_owner_end_the_session_together(given):
    me = await given.an_account()
    stolen = me.tokens["refreshToken"]
    token = stolen
    for _ in range(2):
        token = (await me.http.post("/api/v1/auth/refresh", json={"refreshToken": token})).json()["refreshToken"]

    responses = await gather(
        *(me.http.post("/api/v1/auth/refresh", json={"refreshToken": each}) for each in [stolen, token] * 4)
    )

    # The owner may come before the thief, but afterwards nothing of this lineage works.
    assert {response.status_code for response in responses[::2]} == {401}
    [(alive,)] = await given.sql("SELECT count(*) FROM accord.sessions WHERE user_id = %s AND ended_at IS NULL", me.id)
    reuses = [event for response in responses for event in await given.entries(response)]
    assert alive == 0
    assert [event["fields"]["event"] for event in reuses].count("refresh reuse detected") == 1


async def test_signing_out_during_a_refresh_leaves_no_session(given):
    me = await given.an_account()
    for _ in range(5):
        session = await given.signed_in(me.email)
        body = {"refreshToken": session.tokens["refreshToken"]}

        refreshed, _ = await gather(
            session.http.post("/api/v1/auth/refresh", json=body), session.http.post("/api/v1/auth/logout")
        )

        last = refreshed.json().get("refreshToken", body["refreshToken"])
        response = await session.http.post("/api/v1/auth/refresh", json={"refreshToken": last})
        assert response.status_code == 401
