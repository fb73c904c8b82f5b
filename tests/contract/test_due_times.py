"""T-3: the due times of a schedule, in every zone and when clocks change."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from accord.contract.due_times import catch_up, due_times, mistake, newest_due, next_due
from accord.contract.tasks import Every

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONES = sorted(name for name in available_timezones() if "/" in name or name == "UTC")
SPRING, AUTUMN = datetime(2027, 3, 28, tzinfo=UTC), datetime(2027, 10, 31, tzinfo=UTC)
"""Berlin: 02:00 becomes 03:00 at 01:00 UTC; 03:00 becomes 02:00 at 01:00 UTC."""


def berlin(cron: str, day: datetime) -> list[str]:
    """Return the due times of one day in Berlin, as the clock on the wall there shows them."""
    zone = ZoneInfo("Europe/Berlin")
    begins = day.replace(tzinfo=zone)
    found = []
    for due in due_times(Every(cron, zone.key), begins - MINUTE):
        local = due.astimezone(zone)
        if local.date() != begins.date():
            return found
        found.append(local.isoformat()[11:16] + local.isoformat()[19:22])
    raise AssertionError


@pytest.mark.parametrize(
    ("cron", "due"),
    [
        ("30 2 * * *", ["03:00+02"]),
        ("0,20,40 2 * * *", ["03:00+02"]),
        ("0 2,3 * * *", ["03:00+02"]),
        ("59 1 * * *", ["01:59+01"]),
        ("*/30 2 * * *", ["03:00+02"]),
        ("15 */2 * * *", ["00:15+01", "03:00+02", *(f"{hour:02}:15+02" for hour in range(4, 24, 2))]),
        ("30 * * * *", ["00:30+01", "01:30+01", *(f"{hour:02}:30+02" for hour in range(3, 24))]),
    ],
)
def test_a_skipped_hour_is_due_at_the_next_minute_that_exists(cron, due):
    assert berlin(cron, SPRING) == due


@pytest.mark.parametrize(
    ("cron", "due"),
    [
        ("30 2 * * *", ["02:30+02"]),
        ("0,30 2,3 * * *", ["02:00+02", "02:30+02", "03:00+01", "03:30+01"]),
        ("*/30 2 * * *", ["02:00+02", "02:30+02", "02:00+01", "02:30+01"]),
        ("0 */2 * * *", ["00:00+02", "02:00+02", "02:00+01", *(f"{hour:02}:00+01" for hour in range(4, 24, 2))]),
        ("0 * * * *", [*(f"0{h}:00+02" for h in range(3)), *(f"{h:02}:00+01" for h in range(2, 24))]),
    ],
)
def test_a_doubled_hour_is_due_once_unless_minute_or_hour_are_every_n(cron, due):
    assert berlin(cron, AUTUMN) == due


def test_between_the_two_moments_of_a_doubled_hour_the_next_day_is_due():
    every = Every("30 2 * * *", "Europe/Berlin")

    for minutes in range(60):
        due = next_due(every, AUTUMN + timedelta(minutes=30 + minutes))
        assert due == datetime(2027, 11, 1, 1, 30, tzinfo=UTC)


def test_a_day_that_a_zone_skipped_is_due_when_the_next_begins():
    every = Every("0 0,12 30 * *", "Pacific/Apia")

    found = list(islice(due_times(every, datetime(2011, 12, 1, tzinfo=UTC)), 2))

    assert found == [datetime(2011, 12, 30, 10, tzinfo=UTC), datetime(2012, 1, 29, 10, tzinfo=UTC)]


def test_a_date_and_a_weekday_are_as_in_debian():
    both = Every("0 0 1 * MON", "UTC")

    found = list(islice(due_times(both, datetime(2027, 2, 28, tzinfo=UTC)), 3))

    assert [due.day for due in found] == [1, 8, 15]
    assert next_due(Every("0 0 L 2 *", "UTC"), datetime(2028, 1, 1, tzinfo=UTC)).day == 29


def fields(largest: int) -> st.SearchStrategy[tuple[str, frozenset[int]]]:
    """Return a field of a cron expression, with the values that it means."""
    numbers = st.sets(st.integers(0, largest), min_size=1, max_size=4).map(frozenset)
    every_n = st.integers(2, largest).map(lambda n: (f"*/{n}", frozenset(range(0, largest + 1, n))))
    listed = numbers.map(lambda values: (",".join(map(str, sorted(values))), values))
    return st.one_of(st.just(("*", frozenset(range(largest + 1)))), every_n, listed, listed)


@st.composite
def moments(draw: st.DrawFn, zone: ZoneInfo) -> datetime:
    """Return a moment, mostly one about which the zone changes its clocks."""
    begins = datetime(draw(st.integers(1980, 2040)), 1, 1, tzinfo=UTC)
    offsets = [(begins + timedelta(days=n)).astimezone(zone).utcoffset() for n in range(366)]
    changes = [n for n, (before, after) in enumerate(pairwise(offsets)) if before != after]
    day = draw(st.sampled_from(changes)) if changes else draw(st.integers(0, 364))
    return begins + timedelta(days=day, minutes=draw(st.integers(-90, 1440)), seconds=draw(st.sampled_from([0, 0, 31])))


def looked_up(
    minute: tuple[str, frozenset[int]],
    hour: tuple[str, frozenset[int]],
    zone: ZoneInfo,
    after: datetime,
    until: datetime,
) -> Iterator[datetime]:
    """Yield the due times up to a moment, by looking at every minute on the clock of the zone."""
    is_every_n = "*" in minute[0] or "*" in hour[0]
    moment = after.replace(second=0) + MINUTE
    before = (moment - MINUTE).astimezone(zone).replace(tzinfo=None)
    while moment <= until:
        local = moment.astimezone(zone)
        wall = local.replace(tzinfo=None)
        skipped = [before + MINUTE * n for n in range(1, (wall - before) // MINUTE)]
        fits = [each.minute in minute[1] and each.hour in hour[1] for each in (wall, *skipped)]
        if (fits[0] and (is_every_n or not local.fold)) or (any(fits[1:]) and hour[0] != "*"):
            yield moment
        before, moment = wall, moment + MINUTE


@settings(deadline=None, max_examples=150)
@given(zone=st.sampled_from(ZONES).map(ZoneInfo), minute=fields(59), hour=fields(23), data=st.data())
def test_due_times_are_those_that_a_look_at_every_minute_finds(zone, minute, hour, data):
    after = data.draw(moments(zone))
    until = after + DAY + HOUR
    every = Every(f"{minute[0]} {hour[0]} * * *", zone.key)

    found = []
    for due in due_times(every, after):
        if due > until:
            break
        found.append(due)

    assert found == list(looked_up(minute, hour, zone, after, until))


@settings(deadline=None, max_examples=150)
@given(zone=st.sampled_from(ZONES).map(ZoneInfo), minute=fields(59), hour=fields(23), data=st.data())
def test_every_look_sees_the_same_due_times(zone, minute, hour, data):
    every = Every(f"{minute[0]} {hour[0]} * * *", zone.key)
    after = data.draw(moments(zone))

    in_one_go = list(islice(due_times(every, after), 5))
    one_by_one = [after]
    for _ in range(5):
        one_by_one.append(next_due(every, one_by_one[-1]))

    assert in_one_go == one_by_one[1:]
    for due, following in pairwise(in_one_go):
        assume(following - after < DAY)
        assert newest_due(every, after, following - timedelta(microseconds=1)) == due
        assert newest_due(every, after, following) == following
        assert newest_due(every, due, following - timedelta(microseconds=1)) is None


def test_a_due_time_that_is_over_a_day_old_counts_no_more():
    monthly, now = Every("0 12 1 * *", "UTC"), datetime(2027, 6, 1, 13, tzinfo=UTC)

    assert newest_due(monthly, now - 90 * DAY, now) == now - HOUR
    assert newest_due(monthly, now - 90 * DAY, now + DAY) is None


def test_a_missed_due_time_runs_for_a_day_unless_the_task_says_less():
    assert catch_up(Every("0 * * * *", "UTC")) == DAY
    assert catch_up(Every("0 * * * *", "UTC", 60)) == MINUTE
    assert catch_up(Every("0 * * * *", "UTC", 0)) == timedelta()


@pytest.mark.parametrize("cron", ["* * * * *", "30 2 * * MON-FRI", "*/5 0-6/2 L * *", "0 0 29 2 *", "0 0 * * 7#1"])
def test_a_good_schedule_has_no_mistake(cron):
    assert mistake(Every(cron, "Europe/Berlin")) is None


@pytest.mark.parametrize(
    ("cron", "zone", "message"),
    [
        ("61 * * * *", "UTC", "cannot be read: bad minute. Write it like '30 2 * * *'."),
        ("* * * * * *", "UTC", "must have five fields"),
        ("@daily", "UTC", "must have five fields"),
        ("5-1 * * * *", "UTC", "bad minute"),
        ("0 0 30 2 *", "UTC", "bad day-of-month"),
        ("* * * * *", "Europe", "'Europe' is no time zone"),
        ("* * * * *", "../etc/passwd", "is no time zone"),
        ("* * * * *", "Europe/Atlantis", "write a name of the IANA database, like Europe/Berlin."),
        ("* * * * *", "", "is no time zone"),
    ],
)
def test_a_schedule_that_cannot_come_is_told(cron, zone, message):
    assert message in (mistake(Every(cron, zone)) or "")


@settings(deadline=None, max_examples=300)
@given(st.lists(st.text("0123456789*/,-L#WMON²", min_size=1, max_size=5), min_size=5, max_size=5).map(" ".join))
def test_any_text_as_a_cron_expression_is_judged(cron):
    found = mistake(Every(cron, "UTC"))

    assert found is not None or next_due(Every(cron, "UTC"), SPRING) > SPRING
