import os
import tempfile
import time
from asyncio import gather
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from given import Account, Given
from running import Service

WRITERS = 8


async def write(writer: Account, path: str, name: str, until: float) -> list[tuple[int, int, int]]:
    """Change from version 1 on, read, save, again and again; return each response as status, expected and current."""
    responses: list[tuple[int, int, int]] = []
    version = 1  # For all of them at first, so that one wins and the others do not.
    while not responses or time.monotonic() < until:
        response = await writer.patch(path, expectedVersion=version, firstName=f"{name}-{len(responses)}")
        assert response.status_code in {200, 409}, response.text
        current = response.json()["version" if response.status_code == 200 else "currentVersion"]
        responses.append((response.status_code, version, current))
        # Clients differ: most go on from what the response says, some read again.
        version = current if len(responses) % 3 else (await writer.get(path)).json()["version"]
    return responses


async def lose_no_update(given: Given, seconds: float) -> None:
    target = await given.an_account()
    path = f"/api/v1/users/{target.id}"
    writers = [await given.an_admin() for _ in range(WRITERS)]
    until = time.monotonic() + seconds

    responses = await gather(*(write(writer, path, f"w{n}", until) for n, writer in enumerate(writers)))

    final = (await target.get("/api/v1/me")).json()
    everything = [(n, i, *response) for n, row in enumerate(responses) for i, response in enumerate(row)]
    assert set(Counter(status for _, _, status, _, _ in everything)) == {200, 409}
    won = sorted((version, f"w{n}-{i}") for n, i, status, _, version in everything if status == 200)
    assert [version for version, _ in won] == list(range(2, final["version"] + 1))
    assert final["firstName"] == won[-1][1]
    # Nobody overwrote what they had not read.
    assert all(version == expected + 1 for _, _, status, expected, version in everything if status == 200)
    # A refusal names the version that is current then or later: never the stale one, never one that is not written.
    refused = [(expected, current) for _, _, status, expected, current in everything if status == 409]
    assert all(expected < current <= final["version"] for expected, current in refused)
    history = await given.sql(
        "SELECT record_version, fields->>'first_name' FROM accord.journal WHERE record_id = %s AND kind = 'updated'"
        " ORDER BY record_version",
        target.id,
    )
    assert history == won


@pytest.fixture
async def unlimited() -> AsyncIterator[Given]:
    """A service of its own without rate limits."""
    with tempfile.TemporaryDirectory(prefix="accord-writers-") as folder:
        transport = os.environ.get("FLOW_TRANSPORT", "local")
        service = Service(Path(folder), transport, RATE_LIMIT_ENABLED="false")
        try:
            service.seed_root()
            service.start()
            async with AsyncExitStack() as stack:
                yield Given(service, stack)
        finally:
            service.stop()


async def test_8_writers_on_one_account_lose_no_update(unlimited):
    await lose_no_update(unlimited, seconds=10)


@pytest.mark.faults
async def test_8_writers_on_one_account_lose_no_update_for_a_minute(unlimited):
    await lose_no_update(unlimited, seconds=60)
