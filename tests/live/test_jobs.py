"""Jobs that their owners follow (Q-13)."""

from flows.jobs.samples import a_job


async def test_the_owner_hears_of_a_cancelled_job_in_its_record_and_in_the_list(given, live):
    me, admin = await given.an_account(), await given.an_admin()
    job_id = await a_job(given, owner_id=me.id)
    keys = [f"getRecord:jobs:{job_id}", f"getList:{me.id}:jobs"]
    socket = await live(me)
    for key in keys:
        await socket.subscribe(key)

    await admin.post(f"/api/v1/jobs/{job_id}/cancel", expectedVersion=1)

    changes = [await socket.expect("change") for _ in keys]
    assert sorted((change["key"], change["version"]) for change in changes) == sorted((key, 2) for key in keys)


async def test_a_stranger_does_not_find_a_job_and_an_operator_follows_it(given, live):
    owner, stranger, admin = await given.an_account(), await given.an_account(), await given.an_admin()
    key = f"getRecord:jobs:{await a_job(given, owner_id=owner.id)}"
    theirs = await live(stranger)

    await theirs.send("subscribe", key=key)

    assert (await theirs.expect("error"))["code"] == "NOT_FOUND"
    assert (await (await live(admin)).subscribe(key))["version"] == 1
