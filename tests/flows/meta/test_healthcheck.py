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
    assert {name: check["status"] for name, check in checks.items()} == {"database": "ok", "messaging": "ok"}
    assert all(0 <= check["latencyMs"] < 3000 for check in checks.values())


async def test_a_bad_token_makes_no_difference(given):
    somebody = await given.somebody(authorization="Bearer nonsense")

    assert (await somebody.get("/api/v1/healthcheck")).status_code == 200
