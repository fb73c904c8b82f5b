"""Whether a process can serve: what `/readyz` responds, and what a worker waits for before it announces itself."""

from collections.abc import Awaitable, Callable, Sequence

from accord.boot.glance import Glance

Check = tuple[Callable[[], Awaitable[bool]], str]
"""What is checked, and the reason to give when it fails."""


class Readiness:
    """Returns the reason for which a process cannot serve, or None."""

    def __init__(self, checks: Sequence[Check]) -> None:
        """Take the checks, in the order in which their reasons are given."""
        self._checks = checks
        self._look = Glance(self._first_failure)
        self._is_stopping = False

    def stop(self) -> None:
        """Be not ready from now on: the process is stopping."""
        self._is_stopping = True

    async def __call__(self) -> str | None:
        """Return the reason; callers at the same time share one look."""
        return "stopping" if self._is_stopping else await self._look()

    async def _first_failure(self) -> str | None:
        for passes, reason in self._checks:
            if not await passes():
                return reason
        return None
