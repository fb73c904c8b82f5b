"""T-1, T-2: each due time of a schedule enqueues one job, whichever process looks, and whatever happened meanwhile."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from job_programs import Workshop, nothing
from prometheus_client import REGISTRY

from accord.jobs.schedules import Schedules
from accord.queue.tasks import WrongArguments

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BEGIN = datetime(2027, 3, 1, 10, 20, tzinfo=UTC)
ELEVEN = BEGIN + 40 * MINUTE


class Schedule:
    """The schedule of the task `sweep`, looked at when the test says."""

    def __init__(self, shop: Workshop) -> None:
        self.shop, self.sql = shop, shop.sql

    def process(self, *, has_metrics: bool = False) -> Schedules:
        return Schedules(self.shop.resources, has_metrics=has_metrics)

    async def look(self, at: datetime, *, has_metrics: bool = False) -> datetime:
        """Look, as a process does that started just now."""
        self.shop.resources.clock = lambda: at
        return await self.process(has_metrics=has_metrics).look()

    async def due(self) -> list[datetime]:
        """Return the due times that have a job."""
        rows = await self.sql("SELECT unique_key FROM accord.jobs WHERE task = 'sweep' ORDER BY unique_key")
        return [datetime.fromisoformat(key.removeprefix("due ")) for (key,) in rows]

    async def end_jobs(self) -> None:
        await self.sql("UPDATE accord.jobs SET state = 'completed', is_ready = false, ended_at = now()")

    async def skipped(self) -> int:
        [(skipped,)] = await self.sql("SELECT skipped FROM accord.schedules WHERE name = 'sweep'")
        return skipped


@pytest.fixture
def scheduled(shop: Workshop) -> Callable[..., Schedule]:
    def define(cron: str = "0 * * * *", zone: str = "UTC", **every: int) -> Schedule:
        shop.define("sweep", nothing, every={"cron": cron, "zone": zone, **every})
        return Schedule(shop)

    return define


@pytest.fixture
async def hourly(scheduled: Callable[..., Schedule]) -> Schedule:
    """A schedule that was looked at first at 10:20."""
    schedule = scheduled()
    await schedule.look(BEGIN)
    return schedule


async def test_a_due_time_has_one_job_from_its_moment_on(hourly):
    assert await hourly.look(ELEVEN - timedelta(microseconds=1)) == ELEVEN
    assert await hourly.due() == []

    assert await hourly.look(ELEVEN) == ELEVEN + HOUR
    assert await hourly.look(ELEVEN + MINUTE) == ELEVEN + HOUR

    assert await hourly.due() == [ELEVEN]
    assert await hourly.sql("SELECT queue, state, owner_id FROM accord.jobs") == [("default", "queued", None)]


async def test_a_schedule_begins_with_its_first_look(hourly):
    await hourly.look(BEGIN + MINUTE)

    assert await hourly.due() == []
    assert await hourly.sql("SELECT last_due_at, paused FROM accord.schedules") == [(BEGIN, False)]


async def test_a_schedule_that_fails_holds_up_no_other(hourly):
    hourly.shop.define("afterwards", nothing, every={"cron": "0 * * * *", "zone": "UTC"})
    await hourly.look(BEGIN)
    args = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
    hourly.shop.define("sweep", nothing, every={"cron": "0 * * * *", "zone": "UTC"}, args=args)

    with pytest.raises(WrongArguments):
        await hourly.look(ELEVEN)

    assert await hourly.sql("SELECT task FROM accord.jobs") == [("afterwards",)]


async def test_many_processes_at_once_enqueue_one_job(hourly):
    hourly.shop.resources.clock = lambda: ELEVEN

    await asyncio.gather(*(hourly.process().look() for _ in range(20)))

    assert await hourly.due() == [ELEVEN]


async def test_processes_that_run_on_enqueue_each_due_time_once(hourly, until):
    hourly.shop.define("sweep", nothing, every={"cron": "* * * * *", "zone": "UTC"})
    began = time.monotonic()
    # A minute of the schedule passes in a tenth of a second.
    hourly.shop.resources.clock = lambda: BEGIN + 600 * timedelta(seconds=time.monotonic() - began)

    processes = [asyncio.create_task(hourly.process().run()) for _ in range(3)]

    async def due_and_done() -> list[datetime]:
        await hourly.end_jobs()
        return await hourly.due()

    due = await until(due_and_done, lambda seen: len(seen) >= 10)
    for process in processes:
        process.cancel()
    await asyncio.wait(processes)

    assert len(set(due)) == len(due)


async def test_a_process_that_ends_in_the_middle_leaves_the_due_time_to_the_next(hourly, until):
    hourly.shop.resources.clock = lambda: ELEVEN
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with await psycopg.AsyncConnection.connect(hourly.shop.url) as holder:
        await holder.execute("SELECT FROM accord.schedules WHERE name = 'sweep' FOR UPDATE")
        process = asyncio.create_task(hourly.process().look())
        await until(lambda: hourly.sql(waiting), bool)
        process.cancel()
        await asyncio.wait([process])
    assert await hourly.due() == []

    await hourly.look(ELEVEN + timedelta(seconds=1))

    assert await hourly.due() == [ELEVEN]


async def test_a_process_that_starts_at_the_minute_finds_the_job_of_the_one_before(hourly):
    await hourly.look(ELEVEN)
    await hourly.end_jobs()

    await hourly.look(ELEVEN)
    await hourly.look(ELEVEN + timedelta(milliseconds=1))

    assert await hourly.due() == [ELEVEN]


async def test_a_clock_that_is_set_back_repeats_nothing(hourly):
    await hourly.look(ELEVEN + MINUTE)
    await hourly.end_jobs()

    for minutes in range(-120, 60, 7):
        await hourly.look(ELEVEN + minutes * MINUTE)
    assert await hourly.due() == [ELEVEN]

    await hourly.look(ELEVEN + HOUR)
    assert await hourly.due() == [ELEVEN, ELEVEN + HOUR]


async def test_the_newest_of_several_missed_due_times_has_a_job(hourly):
    await hourly.look(ELEVEN + 5 * HOUR + 20 * MINUTE)

    assert await hourly.due() == [ELEVEN + 5 * HOUR]
    assert await hourly.skipped() == 0


@pytest.mark.parametrize(("late", "runs"), [(DAY - MINUTE, True), (DAY, False), (20 * DAY, False)])
async def test_a_due_time_that_was_missed_for_a_day_has_no_job(scheduled, late, runs):
    due = datetime(2027, 4, 1, 12, tzinfo=UTC)
    monthly = scheduled("0 12 1 * *")
    await monthly.look(BEGIN)

    await monthly.look(due + late)
    await monthly.look(due + late + MINUTE)

    assert await monthly.due() == ([due] if runs else [])


@pytest.mark.parametrize(("late", "runs"), [(59, True), (60, False)])
async def test_a_task_says_how_old_a_missed_due_time_may_be(scheduled, late, runs):
    hourly = scheduled(catchUpSeconds=60)
    await hourly.look(BEGIN)

    await hourly.look(ELEVEN + timedelta(seconds=late))

    assert (await hourly.due(), await hourly.skipped()) == ([ELEVEN] if runs else [], 0)


@pytest.mark.parametrize("state", ["queued", "running", "retrying", "scheduled"])
async def test_a_due_time_is_skipped_and_counted_while_the_job_before_has_not_ended(hourly, state):
    labels = "accord_schedules_skipped_total", {"task": "sweep"}
    counted = REGISTRY.get_sample_value(*labels) or 0
    await hourly.look(ELEVEN)
    await hourly.sql("UPDATE accord.jobs SET state = %s", state)

    await hourly.look(ELEVEN + HOUR, has_metrics=True)
    await hourly.look(ELEVEN + HOUR + MINUTE, has_metrics=True)

    assert (await hourly.due(), await hourly.skipped()) == ([ELEVEN], 1)
    assert REGISTRY.get_sample_value(*labels) == counted + 1
    await hourly.end_jobs()
    await hourly.look(ELEVEN + HOUR + 2 * MINUTE)
    await hourly.look(ELEVEN + 2 * HOUR)
    assert (await hourly.due(), await hourly.skipped()) == ([ELEVEN, ELEVEN + 2 * HOUR], 1)


async def test_a_schedule_that_was_paused_goes_on_with_the_next_due_time(hourly):
    await hourly.sql("UPDATE accord.schedules SET paused = true")
    for hours in range(3):
        await hourly.look(ELEVEN + hours * HOUR)
    await hourly.sql("UPDATE accord.schedules SET paused = false")

    await hourly.look(ELEVEN + 2 * HOUR + MINUTE)
    assert (await hourly.due(), await hourly.skipped()) == ([], 0)

    await hourly.look(ELEVEN + 3 * HOUR)
    assert await hourly.due() == [ELEVEN + 3 * HOUR]


async def test_a_schedule_that_was_paused_before_its_first_look_stays_paused(scheduled):
    hourly = scheduled()
    await hourly.sql("INSERT INTO accord.schedules (name, paused) VALUES ('sweep', true)")

    await hourly.look(BEGIN)
    await hourly.look(ELEVEN)

    assert await hourly.due() == []
    assert await hourly.sql("SELECT last_due_at FROM accord.schedules") == [(ELEVEN,)]


async def test_the_row_of_a_task_that_left_the_contract_is_ignored(hourly):
    await hourly.sql("INSERT INTO accord.schedules (name, last_due_at) VALUES ('gone', %s)", BEGIN)

    await hourly.look(ELEVEN)

    assert await hourly.sql("SELECT last_due_at FROM accord.schedules WHERE name = 'gone'") == [(BEGIN,)]
    assert await hourly.sql("SELECT DISTINCT task FROM accord.jobs") == [("sweep",)]


async def test_a_due_time_leaves_the_version_of_its_schedule(hourly):
    await hourly.look(ELEVEN)

    assert await hourly.sql("SELECT version FROM accord.schedules") == [(1,)]


@pytest.mark.parametrize(
    ("evening", "expected"),
    [
        (datetime(2027, 3, 27, 12, tzinfo=UTC), datetime(2027, 3, 28, 1, tzinfo=UTC)),
        (datetime(2027, 10, 30, 12, tzinfo=UTC), datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),
    ],
)
async def test_a_nightly_job_runs_once_in_the_night_of_a_change_of_clocks(scheduled, evening, expected):
    nightly = scheduled("30 2 * * *", "Europe/Berlin")

    for minutes in range(0, 24 * 60, 15):
        await nightly.look(evening + minutes * MINUTE)
        await nightly.end_jobs()

    assert await nightly.due() == [expected]


async def test_a_job_is_enqueued_within_a_second_of_its_due_time(hourly, until):
    began = time.monotonic()
    hourly.shop.resources.clock = lambda: ELEVEN + timedelta(seconds=time.monotonic() - began - 1.2)
    process = asyncio.create_task(hourly.process().run())

    await until(hourly.due, bool)

    late = hourly.shop.resources.clock() - ELEVEN
    process.cancel()
    assert timedelta() <= late < timedelta(seconds=1)


async def test_a_failure_of_the_database_ends_no_schedule(hourly, until):
    looks: list[datetime] = []
    hourly.shop.resources.clock = lambda: looks.append(ELEVEN) or ELEVEN
    await hourly.sql("ALTER TABLE accord.schedules RENAME TO away")

    async def looked() -> int:
        return len(looks)

    process = asyncio.create_task(hourly.process().run())
    await until(looked, lambda count: count > 1)
    await hourly.sql("ALTER TABLE accord.away RENAME TO schedules")

    assert await until(hourly.due, bool) == [ELEVEN]
    process.cancel()
