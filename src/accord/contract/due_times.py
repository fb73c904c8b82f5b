"""The due times of a schedule: the times in its zone that fit its cron expression, also when clocks change (T-3).

The expression is read without summer time, as a sequence of wall-clock times, and each of them is then the moments
that it is in the zone: none in an hour that is skipped, two in an hour that is doubled, one otherwise.

- A time that is skipped is due at the next minute that exists, once for all times that are skipped together. Where the
  hour is `*`, nothing is added: the schedule goes on by the hour.
- A time that is doubled is due at its first moment. Where minute or hour begin with `*`, both are due.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from accord.contract.tasks import Every

MINUTE = timedelta(minutes=1)
MAX_FOLD = timedelta(hours=3)
"""More than clocks are set back anywhere: for so long a later wall-clock time may be the earlier moment."""
MAX_CATCH_UP = 86_400
"""The most seconds that a due time may be missed by and still run."""


def due_times(every: Every, after: datetime) -> Iterator[datetime]:
    """Yield the due times after a moment, in order, in UTC; there is no end but that of the calendar."""
    zone, found, last = ZoneInfo(every.zone), list[datetime](), after.astimezone(UTC)
    for wall in CronSim(every.cron, _wall(after, zone) - MAX_FOLD):
        while found and _wall(found[0], zone) + MAX_FOLD < wall:
            if (due := heappop(found)) > last:
                yield (last := due)
        for due in _moments(every.cron, wall, zone):
            if due > last:
                heappush(found, due)


def next_due(every: Every, after: datetime) -> datetime:
    """Return the first due time after a moment, in UTC."""
    return next(due_times(every, after))


def newest_due(every: Every, after: datetime, until: datetime) -> datetime | None:
    """Return the newest due time after a moment and up to another one, in UTC; those over a day old count no more."""
    newest = None
    for due in due_times(every, max(after, until - timedelta(seconds=MAX_CATCH_UP))):
        if due > until:
            break
        newest = due
    return newest


def catch_up(every: Every) -> timedelta:
    """Return how old a missed due time may be that still runs.

    The newest due time is less than one period old until the next one comes, so a period is no limit of its own.
    """
    seconds = every.catch_up_seconds
    return timedelta(seconds=MAX_CATCH_UP if seconds is None else min(seconds, MAX_CATCH_UP))


def mistake(every: Every) -> str | None:
    """Return what is wrong with a schedule, as the end of a sentence; None for a schedule that has due times."""
    if len(every.cron.split()) != 5:  # noqa: PLR2004 - the sentence names them
        return f"the cron expression {every.cron!r} must have five fields: minute, hour, day, month and weekday."
    try:
        is_ever_due = next(CronSim(every.cron, datetime(2000, 1, 1)), None) is not None  # noqa: DTZ001 - wall-clock time
    except CronSimError as error:
        return f"the cron expression {every.cron!r} cannot be read: {str(error).lower()}. Write it like '30 2 * * *'."
    if not is_ever_due:
        return f"the cron expression {every.cron!r} names a day that never comes."
    try:
        ZoneInfo(every.zone)
    except (OSError, ValueError, LookupError):  # A folder of zones, a path, a name that no zone has.
        return f"{every.zone!r} is no time zone: write a name of the IANA database, like Europe/Berlin."
    return None


def _moments(cron: str, wall: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the moments at which a wall-clock time is due."""
    minute, hour, *_ = cron.split()
    first = wall.replace(tzinfo=zone).astimezone(UTC)
    if _wall(first, zone) == wall:
        yield first
        second = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
        if second != first and (minute[0] == "*" or hour[0] == "*"):
            yield second
    elif hour != "*":
        while _wall(wall.replace(tzinfo=zone).astimezone(UTC), zone) != wall:
            wall += MINUTE
        yield wall.replace(tzinfo=zone).astimezone(UTC)


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)
