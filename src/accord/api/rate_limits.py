"""Rate limits: named buckets with fixed windows that begin with a key's first request.

API buckets are counted in this process. Those that guard sign-in are counted in PostgreSQL, one statement for each
request, so that they are exact across processes and restarts.
"""

import math
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, case
from sqlalchemy.dialects.postgresql import insert

from accord.api.answers import Header
from accord.database.pool import Database
from accord.database.statement import Statement
from accord.database.tables import rate_limits
from accord.problems import RateLimitExceeded
from accord.settings import Rate

SWEEP_AT = 100_000
"""Keys kept in memory before those whose window is over are dropped."""

_new = insert(rate_limits).values(
    bucket=bindparam("bucket"), key=bindparam("key"), count=1, resets_at=bindparam("resets_at")
)
_over = rate_limits.c.resets_at <= bindparam("now", type_=rate_limits.c.resets_at.type)
_COUNT = Statement(
    _new.on_conflict_do_update(
        index_elements=["bucket", "key"],
        set_={
            "count": case((_over, 1), else_=rate_limits.c.count + 1),
            "resets_at": case((_over, _new.excluded.resets_at), else_=rate_limits.c.resets_at),
        },
    ).returning(rate_limits.c.count, rate_limits.c.resets_at)
)


class Bucket:
    """What the two kinds share: the refusal, and the headers of the IETF draft `RateLimit header fields`."""

    def __init__(self, name: str, rate: Rate) -> None:
        """Take the bucket's name, and its requests per seconds."""
        self.name = name
        self.rate = rate
        self._policy: Header = (b"ratelimit-policy", f'"{name}";q={rate.count};w={rate.seconds}'.encode())

    def _verdict(self, count: int, seconds_left: float) -> list[Header]:
        wait = max(1, math.ceil(seconds_left))
        remaining = self.rate.count - count
        headers: list[Header] = [
            (b"ratelimit", f'"{self.name}";r={max(0, remaining)};t={wait}'.encode()),
            self._policy,
        ]
        if remaining < 0:
            refusal = RateLimitExceeded(retryAfter=wait)
            refusal.headers = headers
            raise refusal
        return headers


class LocalBucket(Bucket):
    """Counted in this process."""

    def __init__(self, name: str, rate: Rate) -> None:
        """Start empty."""
        super().__init__(name, rate)
        self._windows: dict[str, list[float]] = {}

    def take(self, key: str) -> list[Header]:
        """Count a request; raise RateLimitExceeded when the window has none left."""
        now = time.monotonic()
        window = self._windows.get(key)
        if window is None or window[1] <= now:
            if len(self._windows) >= SWEEP_AT:
                self._windows = {k: w for k, w in self._windows.items() if w[1] > now}
            window = self._windows[key] = [0, now + self.rate.seconds]
        window[0] += 1
        return self._verdict(int(window[0]), window[1] - now)


class SharedBucket(Bucket):
    """Counted in the database."""

    def __init__(self, name: str, rate: Rate, database: Database) -> None:
        """Count through this database."""
        super().__init__(name, rate)
        self._database = database

    async def take(self, key: str) -> list[Header]:
        """Count a request; raise RateLimitExceeded when the window has none left."""
        now = datetime.now(UTC)
        resets_at = now + timedelta(seconds=self.rate.seconds)
        row = await self._database.one(_COUNT, bucket=self.name, key=key, now=now, resets_at=resets_at)
        return self._verdict(row.count, (row.resets_at - now).total_seconds())
