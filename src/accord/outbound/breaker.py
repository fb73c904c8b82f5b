"""Circuit breakers: a server outside that failed several times in a row is left alone for a while (M-6b).

Each process has its own breaker for a destination, as a failure may be one of its own network. No message between
processes is needed, and after a restart every breaker is closed.
"""

import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Literal
from weakref import WeakSet

FAILURES = 5
"""Failures in a row that open a breaker."""
OPEN_SECONDS = 30.0
PROBE_SECONDS = 1.0
"""Seconds that others wait while one call finds out whether the server is back."""

State = Literal["closed", "open", "half-open"]


class CircuitOpen(Exception):
    """The destination is left alone: nothing was sent, and another try makes sense in so many seconds."""

    def __init__(self, destination: str, seconds: float) -> None:
        """Take the destination, which people read, and the seconds to wait."""
        super().__init__(f"{destination} failed {FAILURES} times in a row; the next try is in {seconds:.1f} s")
        self.seconds = seconds


class Breaker:
    """The breaker of one destination; `kind` is what metrics call all destinations like it, such as `smtp`."""

    def __init__(self, kind: str, destination: str, now: Callable[[], float] = time.monotonic) -> None:
        """Take the names, and the clock that tests control."""
        self.kind = kind
        self._destination = destination
        self._now = now
        self._failures = 0
        self._open_until = 0.0
        self._is_probing = False
        _all.add(self)

    @property
    def state(self) -> State:
        """Whether calls go out: all of them, none, or one that finds out."""
        if self._failures < FAILURES:
            return "closed"
        return "open" if self._now() < self._open_until else "half-open"

    @contextmanager
    def call(self, *failures: type[Exception]) -> Generator[None]:
        """Make one call within this block; these exceptions are failures, and any other end shows that it works.

        A call that is cancelled shows nothing. Raises CircuitOpen before the block when no call may go out.
        """
        probes = self._admitted()
        try:
            yield
        except failures:
            self._failed()
            raise
        except Exception:
            self._failures = 0
            raise
        else:
            self._failures = 0
        finally:
            if probes:
                self._is_probing = False

    def _admitted(self) -> bool:
        """Return whether this call is the one that finds out; raise CircuitOpen."""
        match self.state:
            case "closed":
                return False
            case "half-open" if not self._is_probing:
                self._is_probing = True
                return True
            case _:
                raise CircuitOpen(self._destination, max(self._open_until - self._now(), PROBE_SECONDS))

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES:
            self._open_until = self._now() + OPEN_SECONDS


_all: WeakSet[Breaker] = WeakSet()


def states() -> Counter[tuple[str, State]]:
    """Return how many breakers of each kind are in each state; the metrics read this."""
    return Counter((breaker.kind, breaker.state) for breaker in list(_all))
