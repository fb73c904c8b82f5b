"""SIGTERM and SIGINT: the first one stops in order, the second one at once (O-7)."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from time import monotonic
from types import FrameType

from accord.telemetry import logs

LAST_RESORT = 5.0
"""Seconds beyond SHUTDOWN_DELAY and SHUTDOWN_TIMEOUT for closing what is open, before the process ends itself."""


class StopSignals:
    """Calls `stop` in the event loop at the first signal; ends the process with status 1 at the second."""

    def __init__(self, delay: float, timeout: float, kill_servers: Callable[[], object]) -> None:
        """Take the seconds of serving after the first signal and of stopping then, and what stops embedded servers."""
        self.stop: Callable[[], object] = lambda: None
        """What the first signal does; it changes as the start goes on."""
        self._limit = delay + timeout
        self._kill_servers = kill_servers
        self._received_at: float | None = None

    @property
    def received(self) -> bool:
        """Whether a signal came."""
        return self._received_at is not None

    @property
    def status(self) -> int:
        """The exit status: 1 when stopping took so long that something was cut off."""
        return int(self._received_at is not None and monotonic() - self._received_at >= self._limit)

    @contextmanager
    def handled(self) -> Generator[None]:
        """Handle signals within this block.

        By `signal.signal`, and not by the loop's own handlers: those wait for the loop, so that a second Ctrl-C
        would do nothing while something blocks it.
        """
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGTERM, signal.SIGINT)

        def received(_number: int, _frame: FrameType | None) -> None:
            self._receive(loop)

        before = [signal.signal(number, received) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    def _receive(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.received:
            # Another thread, as this one may hold any lock at this moment.
            threading.Thread(target=self._end, args=("A second signal came; stopping at once.",)).start()
            return
        self._received_at = monotonic()
        reason = "Stopping took too long; ending at once."
        watch = threading.Timer(self._limit + LAST_RESORT, self._end, [reason])
        watch.daemon = True
        watch.start()
        loop.call_soon_threadsafe(self.stop)

    def _end(self, reason: str) -> None:
        logs.error(reason)
        with suppress(Exception):
            self._kill_servers()
        logs.flush()
        os._exit(1)
