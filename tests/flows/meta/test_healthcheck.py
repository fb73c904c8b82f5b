from uuid import uuid4

from flows.jobs.samples import a_job

from accord import __version__


async def test_anonymous_callers_get_the_status_and_no_details(given, until):
    async def look():
        return await (await given.somebody()).get("/api/v1/healthcheck")

    # What does not answer for a second is not well, though it may just have had no turn.
    response = await until(look, lambda response: response.json()["status"] == "ok")

    health = response.json()
    assert (response.status_code, health["version"]) == (200, __version__)
    assert health["uptime"] > 0
    assert "checks" not in health


async def test_a_customer_sees_no_more_than_an_anonymous_caller(given):
    somebody = await given.an_account()

    assert "checks" not in (await somebody.get("/api/v1/healthcheck")).json()


async def test_an_administrator_sees_what_was_checked(given, until):
    admin = await given.an_admin()

    response = await until(lambda: admin.get("/api/v1/healthcheck"), lambda response: response.json()["status"] == "ok")

    checks = response.json()["checks"]
    assert {name: check["status"] for name, check in checks.items()} == {
        "database": "ok",
        "messaging": "ok",
        "jobs": "ok",
    }
    assert all(0 <= check["latencyMs"] < 3000 for check in checks.values())


async def test_a_bad_token_makes_no_difference(given):
    somebody = await given.somebody(authorization="Bearer nonsense")

    assert (await somebody.get("/api/v1/healthcheck")).status_code == 200


async def test_a_job_that_could_run_and_waits_for_over_a_minute_degrades_the_service(given, until):
    admin, queue = await given.an_admin(), f"test{uuid4().hex}"
    old = (await given.sql("SELECT clock_timestamp() - interval '61 s'"))[0][0]

    async def health(*, is_paused):
        await given.sql("UPDATE accord.queues SET paused = %s WHERE name = %s", is_paused, queue)
        return await admin.get("/api/v1/healthcheck")

    await a_job(given, "queued", queue=queue, run_at=old)
    try:
        late = await until(
            lambda: health(is_paused=False), lambda seen: seen.json()["checks"]["jobs"]["status"] == "error"
        )
        await until(lambda: health(is_paused=True), lambda seen: seen.json()["checks"]["jobs"]["status"] == "ok")
    finally:
        await given.sql("DELETE FROM accord.jobs WHERE queue = %s", queue)
    assert (late.status_code, late.json()["status"]) == (200, "degraded")
