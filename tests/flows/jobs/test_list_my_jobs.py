from flows.jobs.samples import a_job


async def test_my_own_jobs_are_listed_without_arguments_in_pages(given):
    me, other = await given.an_account(), await given.an_account()
    mine = [await a_job(given, owner_id=me.id, args={"n": n}) for n in range(3)]
    await a_job(given, owner_id=other.id)
    await a_job(given)

    first = (await me.get("/api/v1/me/jobs", limit=2)).json()
    second = (await me.get("/api/v1/me/jobs", limit=2, cursor=first["nextCursor"])).json()

    shown = first["items"] + second["items"]
    assert [job["id"] for job in shown] == sorted(mine, reverse=True)
    assert {str(job["args"]) for job in shown} == {"None"}
    assert second["nextCursor"] is None


async def test_an_administrators_own_list_has_no_jobs_of_others(given):
    admin, other = await given.an_admin(), await given.an_account()
    await a_job(given, owner_id=other.id)

    assert (await admin.get("/api/v1/me/jobs")).json() == {"items": [], "nextCursor": None}
