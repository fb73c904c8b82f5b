from flows.jobs.samples import queue_name


async def of_name(account, name):
    response = await account.get("/api/v1/queues")
    assert response.status_code == 200, response.text
    names = [queue["name"] for queue in response.json()["items"]]
    assert names == sorted(names)
    return next(queue for queue in response.json()["items"] if queue["name"] == name)


async def test_queues_that_were_never_changed_have_the_slots_of_the_settings_at_version_1(given):
    admin = await given.an_admin()

    assert await of_name(admin, "webhooks") == {"name": "webhooks", "paused": False, "slots": 50, "version": 1}


async def test_a_changed_queue_is_listed_as_it_was_changed(given):
    admin = await given.an_admin()
    name = (await queue_name(admin))["id"]
    await admin.patch(f"/api/v1/queues/{name}", expectedVersion=1, paused=True, slots=3)

    assert await of_name(admin, name) == {"name": name, "paused": True, "slots": 3, "version": 2}


async def test_a_customer_may_not(given):
    assert (await (await given.an_account()).get("/api/v1/queues")).status_code == 403
