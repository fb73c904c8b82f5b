from accord import __version__


async def test_returns_the_release_to_anonymous_callers(given):
    response = await (await given.somebody()).get("/api/v1/meta/version")

    assert (response.status_code, response.json()) == (200, {"name": "accord", "version": __version__})
