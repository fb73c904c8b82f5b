"""The time that everything is judged by: that of PostgreSQL's clock, which all processes share.

The clocks of two machines differ, and one of them may be set. Whoever compares a time that another process wrote must
not use its own. So each process learns how the database's clock stands to one that nobody sets, and counts from
there. Until it has learnt that, the clock of this machine is taken.
"""

import time as machine
from datetime import UTC, datetime

NOISE = 0.005
"""Seconds by which a measurement may miss for other reasons than the way to the database and back."""

_CLOCK = getattr(machine, "CLOCK_BOOTTIME", machine.CLOCK_MONOTONIC)


def uptime() -> float:
    """Return the seconds of a clock that nobody sets, and that goes on while the machine sleeps."""
    return machine.clock_gettime(_CLOCK)


_origin = machine.time() - uptime()


def time() -> float:
    """Return the seconds since the epoch."""
    return machine.clock_gettime(_CLOCK) + _origin


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.fromtimestamp(time(), UTC)


def learn(theirs: datetime, asked_at: float, answered_at: float) -> None:
    """Take what the database's clock said between two moments of `uptime`."""
    global _origin  # noqa: PLW0603 - there is one time in a process
    uncertain = (answered_at - asked_at) / 2
    measured = theirs.timestamp() - (asked_at + uncertain)
    # Within what the measurement can tell, nothing changed: the time does not jump about.
    if abs(measured - _origin) > uncertain + NOISE:
        _origin = measured


def skew() -> float:
    """Return the seconds that the clock of this machine is ahead; below 0 it is behind."""
    return machine.time() - time()
