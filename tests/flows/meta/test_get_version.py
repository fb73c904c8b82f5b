from accord import __version__


async def test_returns_the_release_to_anonymous_callers(given):
    answer = await (await given.somebody()).get("/api/v1/meta/version")

    assert (answer.status_code, answer.json()) == (200, {"name": "accord", "version": __version__})
