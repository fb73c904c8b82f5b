"""Readiness: the response of `/readyz`, and the condition for which a worker waits before it announces itself."""

from collections.abc import Awaitable, Callable, Sequence

from accord.boot.shared_check import SharedCheck

Check = tuple[Callable[[], Awaitable[bool]], str]
"""A check, and the reason that a failure gives."""


class Readiness:
    """Returns the reason for which a process cannot serve, or None."""

    def __init__(self, checks: Sequence[Check]) -> None:
        """Take the checks, in the order in which their reasons are given."""
        self._checks = checks
        self._look = SharedCheck(self._first_failure)
        self._is_stopping = False

    def stop(self) -> None:
        """Return `stopping` from now on."""
        self._is_stopping = True

    async def __call__(self) -> str | None:
        """Return the reason; concurrent callers share one run of the checks."""
        return "stopping" if self._is_stopping else await self._look()

    async def _first_failure(self) -> str | None:
        for passes, reason in self._checks:
            if not await passes():
                return reason
        return None
