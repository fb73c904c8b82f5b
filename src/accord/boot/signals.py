"""SIGTERM and SIGINT: the first signal stops the process in order, the second at once (O-7)."""

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
"""Seconds beyond SHUTDOWN_DELAY and SHUTDOWN_TIMEOUT for closing the parts, before the process ends itself."""


class StopSignals:
    """Calls `stop` in the event loop at the first signal; ends the process with status 1 at the second."""

    def __init__(self, delay: float, timeout: float, kill_servers: Callable[[], object]) -> None:
        """Take the seconds of serving after a signal, the seconds of stopping then, and what ends embedded servers."""
        self.stop: Callable[[], object] = lambda: None
        """The function that the first signal calls; the start replaces it as it goes on."""
        self._limit = delay + timeout
        self._kill_servers = kill_servers
        self._received_at: float | None = None

    @property
    def received(self) -> bool:
        """Whether a signal was received."""
        return self._received_at is not None

    @property
    def status(self) -> int:
        """The exit status: 1 when stopping took so long that requests or flows were cut off."""
        return int(self._received_at is not None and monotonic() - self._received_at >= self._limit)

    @contextmanager
    def handled(self) -> Generator[None]:
        """Handle signals within this block.

        The handlers are set by `signal.signal`. The loop's own handlers would wait for the loop, so that a second
        Ctrl-C would do nothing while a call blocks the loop.
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
            # Another thread does it, as this one may hold any lock now.
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
