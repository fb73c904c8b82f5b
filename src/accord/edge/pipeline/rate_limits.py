"""Rate limits: named buckets with fixed windows that begin with a key's first request.

API buckets are counted in this process. Those that guard sign-in are counted in PostgreSQL, one statement for each
request and by its clock, so that they are exact across processes and restarts.
"""

import math
import time
from collections import OrderedDict
from typing import NamedTuple

from sqlalchemy import BindParameter, Float, bindparam, case, delete, extract, func
from sqlalchemy.dialects.postgresql import insert

from accord.database.pool import Database
from accord.database.statement import Statement
from accord.database.tables import rate_limits
from accord.edge.responses import Header
from accord.settings import Rate

MOST_KEYS = 100_000
"""Keys that one process counts in one bucket; past it the oldest window is forgotten."""
SWEEP_INTERVAL = 300.0
"""Seconds between looks for windows in the database that are over."""

_seconds: BindParameter[float] = bindparam("seconds", type_=Float)
_new = insert(rate_limits).values(
    bucket=bindparam("bucket"),
    key=bindparam("key"),
    count=1,
    resets_at=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, _seconds),
)
_over = rate_limits.c.resets_at <= func.now()
_COUNT = Statement(
    _new.on_conflict_do_update(
        index_elements=["bucket", "key"],
        set_={
            "count": case((_over, 1), else_=rate_limits.c.count + 1),
            "resets_at": case((_over, _new.excluded.resets_at), else_=rate_limits.c.resets_at),
        },
    ).returning(rate_limits.c.count, extract("epoch", rate_limits.c.resets_at - func.now()).label("seconds_left"))
)
_FORGET_WHAT_IS_OVER = Statement(delete(rate_limits).where(_over))


class Verdict(NamedTuple):
    """The headers of the IETF draft `RateLimit header fields`, and the seconds to wait, 0 for none."""

    headers: list[Header]
    wait: int


class Bucket:
    """What the two kinds share."""

    def __init__(self, name: str, rate: Rate) -> None:
        """Take the bucket's name, and its requests per seconds."""
        self.name = name
        self.rate = rate
        self._policy: Header = (b"ratelimit-policy", f'"{name}";q={rate.count};w={rate.seconds}'.encode())

    def _verdict(self, count: int, seconds_left: float) -> Verdict:
        reset = max(1, math.ceil(seconds_left))
        remaining = self.rate.count - count
        state = f'"{self.name}";r={max(0, remaining)};t={reset}'.encode()
        return Verdict([(b"ratelimit", state), self._policy], reset if remaining < 0 else 0)


class _Window:
    __slots__ = ("count", "ends_at")

    def __init__(self, ends_at: float) -> None:
        self.count = 0
        self.ends_at = ends_at


class LocalBucket(Bucket):
    """Counted in this process."""

    def __init__(self, name: str, rate: Rate) -> None:
        """Start empty."""
        super().__init__(name, rate)
        # All windows are as long, so the order in which they begin is the one in which they end.
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def take(self, key: str) -> Verdict:
        """Count a request."""
        now = time.monotonic()
        window = self._windows.get(key)
        if window is None or window.ends_at <= now:
            window = self._begin(key, now)
        window.count += 1
        return self._verdict(window.count, window.ends_at - now)

    def _begin(self, key: str, now: float) -> _Window:
        windows = self._windows
        windows.pop(key, None)
        while windows and (next(iter(windows.values())).ends_at <= now or len(windows) >= MOST_KEYS):
            windows.popitem(last=False)
        window = windows[key] = _Window(now + self.rate.seconds)
        return window


class SharedBucket(Bucket):
    """Counted in the database."""

    def __init__(self, name: str, rate: Rate, database: Database) -> None:
        """Count through this database."""
        super().__init__(name, rate)
        self._database = database
        self._swept_at = time.monotonic()

    async def take(self, key: str) -> Verdict:
        """Count a request."""
        if time.monotonic() - self._swept_at > SWEEP_INTERVAL:
            self._swept_at = time.monotonic()
            await self._database.run(_FORGET_WHAT_IS_OVER)
        [row] = await self._database.all(_COUNT, bucket=self.name, key=key, seconds=float(self.rate.seconds))
        return self._verdict(row.count, float(row.seconds_left))
