"""The time of PostgreSQL's clock, which all processes share.

The clocks of two machines differ, and an operator may set them, so a process must not compare times of another process
with its own clock. Each process measures the difference of the database's clock to one that cannot be set, and
counts from there. Before the first measurement the clock of this machine counts.
"""

import time as machine
from datetime import UTC, datetime

NOISE = 0.005
"""Seconds of error in a measurement, besides the round trip to the database."""

_CLOCK = getattr(machine, "CLOCK_BOOTTIME", machine.CLOCK_MONOTONIC)


def uptime() -> float:
    """Return the seconds of a clock that cannot be set, and that goes on while the machine sleeps."""
    return machine.clock_gettime(_CLOCK)


_origin = machine.time() - uptime()


def time() -> float:
    """Return the seconds since the epoch."""
    return machine.clock_gettime(_CLOCK) + _origin


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.fromtimestamp(time(), UTC)


def learn(theirs: datetime, asked_at: float, responded_at: float) -> None:
    """Take the time of the database's clock, read between two values of `uptime`."""
    global _origin  # noqa: PLW0603 - there is one time in a process
    uncertain = (responded_at - asked_at) / 2
    measured = theirs.timestamp() - (asked_at + uncertain)
    # A difference within the error of the measurement is ignored, so that the time does not jump about.
    if abs(measured - _origin) > uncertain + NOISE:
        _origin = measured


def skew() -> float:
    """Return the seconds that the clock of this machine is ahead; a negative number means behind."""
    return machine.time() - time()
