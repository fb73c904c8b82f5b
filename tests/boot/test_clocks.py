"""S-3, S-6: a machine whose clock is wrong judges by the database's, and says so."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from given import Given

from accord import clock

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
needs_library = pytest.mark.skipif(LIBRARY is None, reason="needs libfaketime, of Debian's package faketime")
HOUR = 3600


def shifted(seconds: int) -> dict[str, str]:
    """Return what makes a process see another time."""
    return {"LD_PRELOAD": str(LIBRARY), "FAKETIME": f"{seconds:+d}s"}


@pytest.fixture(params=[HOUR, -HOUR], ids=["ahead", "behind"])
async def elsewhere(request: pytest.FixtureRequest, given: Given) -> AsyncIterator[httpx.AsyncClient]:
    """A process of the same service on a machine whose clock is wrong by an hour."""
    service = given.service
    servers = {"DATABASE_URL": service.database_url, "NATS_URL": service.nats_url}
    name = f"shifted-{time.monotonic_ns()}"
    program = service.run_beside(name, "serve", "--port", "0", **servers, **shifted(request.param))
    try:
        url = await asyncio.to_thread(program.wait_for, r"listens on (\S+)")
        async with httpx.AsyncClient(base_url=url, timeout=30) as http:
            yield http
    finally:
        await asyncio.to_thread(program.stop)
        service.programs.remove(program)
    # Lines wait for a moment that the library puts an hour off, so that they are there at the end only.
    assert "This machine's clock differs from the database's" in program.output()


def bearer(tokens: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['accessToken']}"}


@needs_library
async def test_sessions_are_the_same_to_a_process_whose_clock_is_wrong(given, until, elsewhere):
    me, shown = await given.an_account(), await elsewhere.get("/metrics")

    async def status() -> int:
        return (await elsewhere.get("/api/v1/me", headers=bearer(me.tokens))).status_code

    # Its access token is good there.
    assert await status() == 200
    # A refresh there gives a token that is good here; the retry, here, gives the same successor.
    body = {"refreshToken": me.tokens["refreshToken"]}
    there = await elsewhere.post("/api/v1/auth/refresh", json=body)
    here = await me.post("/api/v1/auth/refresh", **body)
    assert (there.status_code, here.status_code) == (200, 200)
    assert there.json()["refreshToken"] == here.json()["refreshToken"]
    assert (await elsewhere.get("/api/v1/me", headers=bearer(here.json()))).status_code == 200
    assert (await me.get("/api/v1/me")).status_code == 200
    # Signing out here is seen there.
    assert (await me.post("/api/v1/auth/logout")).status_code == 204
    assert await until(status, lambda found: found == 401) == 401
    assert abs(float(re.search(r"^accord_clock_skew_seconds (\S+)$", shown.text, re.MULTILINE)[1])) > HOUR - 60


@needs_library
async def test_the_doctor_says_that_the_clock_is_wrong(given):
    done = await asyncio.to_thread(given.service.command, "doctor", **shifted(HOUR))

    assert re.search(r"! clock: differs from the database's by 3[56]\d\d\.\d+ s\. Synchronise the clocks", done.stdout)


@pytest.fixture
def origin() -> Iterator[None]:
    yield
    clock.learn(datetime.now(UTC), clock.uptime(), clock.uptime())


@pytest.mark.usefixtures("origin")
def test_the_time_follows_the_database_and_no_noise():
    theirs, asked_at = datetime.now(UTC) + timedelta(hours=1), time.monotonic()
    clock.learn(theirs, asked_at, asked_at)
    learnt = clock.skew()

    clock.learn(theirs + timedelta(seconds=0.2), asked_at, asked_at + 0.5)

    # The second measurement is less exact than its difference to the first.
    assert abs(clock.skew() - learnt) < 0.02
    assert -HOUR - 1 < learnt < -HOUR + 1
    assert abs((clock.now() - theirs).total_seconds()) < 1


def test_no_other_module_reads_the_machines_clock():
    source = Path(clock.__file__).parent
    asks = re.compile(r"datetime\.now\(|date\.today\(|\btime\.time\(\)|utcnow")

    asking = {str(file.relative_to(source)) for file in source.rglob("*.py") if asks.search(file.read_text("utf-8"))}

    # The clock itself asks; ids and log lines take nanoseconds and are compared with nothing.
    assert asking <= {"clock.py"}
