from datetime import UTC, datetime

from flows.jobs.samples import SCHEDULES


async def test_every_schedule_of_the_contract_is_listed_with_its_next_time(given):
    admin = await given.an_admin()

    response = await admin.get("/api/v1/schedules")

    assert response.status_code == 200, response.text
    found = response.json()["items"]
    assert [schedule["name"] for schedule in found] == sorted(SCHEDULES)
    for schedule in found:
        assert schedule["paused"] or datetime.fromisoformat(schedule["nextAt"]) > datetime.now(UTC)


async def test_a_customer_may_not(given):
    assert (await (await given.an_account()).get("/api/v1/schedules")).status_code == 403
