"""The task deleteExpiredTickets."""


async def test_tickets_that_expired_unused_are_deleted_and_others_stay(given):
    me, other = await given.an_account(), await given.an_account()
    for account in (me, other):
        assert (await account.post("/api/v1/live/tickets")).status_code == 201
    of_account = "WHERE session_id IN (SELECT id FROM accord.sessions WHERE user_id = %s)"
    expire = f"UPDATE accord.live_tickets SET expires_at = now() - interval '1 second' {of_account}"  # noqa: S608 - as above
    await given.sql(expire, me.id)

    job = await given.jobs.run("deleteExpiredTickets")

    assert job.state == "completed"
    count = f"SELECT count(*) FROM accord.live_tickets {of_account}"  # noqa: S608 - the condition above
    assert (await given.sql(count, me.id), await given.sql(count, other.id)) == ([(0,)], [(1,)])
