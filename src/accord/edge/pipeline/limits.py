"""The buckets that a request is counted in."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from accord.context import Caller
from accord.contract.buckets import BUCKETS, setting_of
from accord.contract.operations import Operation
from accord.database.database import Database
from accord.edge.pipeline.client_address import bucket_key
from accord.edge.pipeline.rate_limits import LimitVerdict, LocalBucket, SharedBucket
from accord.edge.pipeline.request import Request
from accord.problems import RateLimitExceeded
from accord.settings import Rate, Settings

# In development a developer with three mistyped sign-ups would otherwise have to wait for an hour.
_WHILE_TRYING = f"{RateLimitExceeded.detail} RATE_LIMIT_ENABLED=false turns the limits off while you try things out."

MAX_OPEN = 100
"""Live connections, sockets and streams together, that one account may have in one process."""
UNREADABLE = "unreadable"
"""Counts sign-ins through proxies that name no client, for a day, for `accord doctor`; rejects no request."""
UNREADABLE_RATE = Rate(1, 86_400)


class Limits:
    """The buckets of this process; count no requests unless rate limiting is `enabled`."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Make the buckets of the contract's `x-rate-limit`, and those of other requests and of live connections."""
        self.enabled = settings.rate_limit_enabled
        self._is_development = settings.env == "development"
        self._advice = _WHILE_TRYING if self._is_development else None
        self._anonymous = LocalBucket("anonymous", settings.rate_limit_anonymous)
        self._authenticated = LocalBucket("authenticated", settings.rate_limit_authenticated)
        self._connections = LocalBucket("live", settings.rate_limit_live)
        self._shared = {name: SharedBucket(name, getattr(settings, setting_of(name)), database) for name in BUCKETS}
        self._open: Counter[str] = Counter()
        self._unreadable = SharedBucket(UNREADABLE, UNREADABLE_RATE, database)

    async def check_address(self, request: Request, operation: Operation) -> None:
        """Count by address before authentication; a request with a token is counted by `check_account`."""
        if self.exempts(request):
            return
        if operation.rate_limit is not None:
            key = bucket_key(request.address)
            verdict = await self._shared[operation.rate_limit].consume(key)
            if request.unreadable:
                await self._unreadable.consume(key)
            self._apply(verdict, request)
        elif operation.access == "public" or b"authorization" not in request.headers:
            self._by_address(request)

    def check_account(self, request: Request, caller: Caller) -> None:
        """Count by account; a caller who is anonymous in spite of a token is counted by address."""
        if caller.id:
            self._apply(self._authenticated.consume(caller.id), request)
        elif not request.limits:
            self._by_address(request)

    def exempts(self, request: Request) -> bool:
        """Return whether the address is not counted: in development, clients on this machine are developers."""
        return self._is_development and request.is_of_this_machine

    def count_refusal(self, request: Request) -> None:
        """Count a 401 against its address, whatever credentials the request had, so that guesses are limited."""
        if self.enabled and not request.limits:
            self._by_address(request)

    def check_connection(self, request: Request) -> None:
        """Count a new live connection of an address. Raises RateLimitExceeded."""
        if not self.exempts(request):
            self._connection(f"address {bucket_key(request.address)}")

    def check_connection_of(self, account_id: str) -> None:
        """Count a new live connection of an account. Raises RateLimitExceeded, also when MAX_OPEN are open."""
        if self.enabled and self._open[account_id] >= MAX_OPEN:
            raise RateLimitExceeded("This account has too many live connections; close some.", retryAfter=60)
        self._connection(f"account {account_id}")

    @contextmanager
    def opened(self, account_id: str) -> Generator[None]:
        """Count a live connection of an account as open, until the block ends."""
        self._open[account_id] += 1
        try:
            yield
        finally:
            self._open[account_id] -= 1
            if not self._open[account_id]:
                del self._open[account_id]

    def _connection(self, whose: str) -> None:
        wait = self._connections.consume(whose).wait if self.enabled else 0
        if wait:
            raise RateLimitExceeded(self._advice, retryAfter=wait)

    def _by_address(self, request: Request) -> None:
        if not self.exempts(request):
            self._apply(self._anonymous.consume(bucket_key(request.address)), request)

    def _apply(self, verdict: LimitVerdict, request: Request) -> None:
        request.limits, wait = verdict
        if wait:
            raise RateLimitExceeded(self._advice, retryAfter=wait)
