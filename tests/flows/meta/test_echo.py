import pytest


@pytest.mark.parametrize(
    "body",
    [
        {"message": ""},
        {"message": "Zoë 🙂 \u202e", "count": -(2**63), "tags": ["a", "b"]},
        {"message": "x" * 1000, "count": 2**63 - 1, "sentAt": "2026-01-31T09:30:00.000000Z"},
    ],
)
async def test_returns_the_body_unchanged(given, body):
    response = await (await given.somebody()).post("/api/v1/meta/echo", json=body)

    assert (response.status_code, response.json()) == (200, body)


async def test_writes_nothing(given):
    response = await (await given.somebody()).post("/api/v1/meta/echo", json={"message": "Hello"})

    assert await given.entries(response) == []
