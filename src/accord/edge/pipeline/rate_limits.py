"""Rate limits: named buckets with fixed windows that begin with a key's first request.

Buckets of API requests are counted in this process. Buckets that guard sign-in are counted in PostgreSQL, with one
statement for each request and the database's clock, so that these counts are exact across processes and restarts.
"""

import math
import time
from collections import OrderedDict
from typing import NamedTuple

from accord.database.database import Database
from accord.database.request_counts import count_request
from accord.edge.responses import Header
from accord.settings import Rate

MAX_KEYS = 100_000
"""Keys that one process counts in one bucket; beyond this limit the oldest window is dropped."""


class LimitVerdict(NamedTuple):
    """The headers of the IETF draft `RateLimit header fields`, and the seconds to wait, 0 for none."""

    headers: list[Header]
    wait: int


class Bucket:
    """The common part of local and shared buckets."""

    def __init__(self, name: str, rate: Rate) -> None:
        """Take the bucket's name, and its rate: requests in a window of seconds."""
        self.name = name
        self.rate = rate
        self._policy: Header = (b"ratelimit-policy", f'"{name}";q={rate.count};w={rate.seconds}'.encode())

    def _verdict(self, count: int, seconds_left: float) -> LimitVerdict:
        reset = max(1, math.ceil(seconds_left))
        remaining = self.rate.count - count
        state = f'"{self.name}";r={max(0, remaining)};t={reset}'.encode()
        return LimitVerdict([(b"ratelimit", state), self._policy], reset if remaining < 0 else 0)


class _Window:
    __slots__ = ("count", "ends_at")

    def __init__(self, ends_at: float) -> None:
        self.count = 0
        self.ends_at = ends_at


class LocalBucket(Bucket):
    """A bucket that is counted in this process."""

    def __init__(self, name: str, rate: Rate) -> None:
        """Start empty."""
        super().__init__(name, rate)
        # All windows have the same length, so windows end in the order in which they begin.
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def consume(self, key: str) -> LimitVerdict:
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
        while windows and (next(iter(windows.values())).ends_at <= now or len(windows) >= MAX_KEYS):
            windows.popitem(last=False)
        window = windows[key] = _Window(now + self.rate.seconds)
        return window


class SharedBucket(Bucket):
    """A bucket that is counted in the database."""

    def __init__(self, name: str, rate: Rate, database: Database) -> None:
        """Take the database that counts."""
        super().__init__(name, rate)
        self._database = database

    async def consume(self, key: str) -> LimitVerdict:
        """Count a request."""
        count, seconds_left = await count_request(self._database, self.name, key, float(self.rate.seconds))
        return self._verdict(count, seconds_left)
