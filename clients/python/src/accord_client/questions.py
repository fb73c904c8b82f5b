"""What the service was asked over a connection, and has not answered yet."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 15.0
"""Seconds without a frame while an answer is due; then the connection is taken as dead."""


class Questions:
    """Notices that nothing comes while an answer is due. Many frames may come before it, and each of them counts."""

    def __init__(self, give_up: Callable[[], None]) -> None:
        """Take what ends the connection."""
        self._give_up = give_up
        self._open: deque[str] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def asked(self, name: str) -> None:
        self._open.append(name)
        if len(self._open) == 1:
            self._wait()

    def answered(self, name: str) -> None:
        """Note an answer; one that nobody asked for changes nothing."""
        if name in self._open:
            self._open.remove(name)
            self._wait()

    def heard(self) -> None:
        """Note any frame: where one comes, the connection lives."""
        if self._open:
            self._wait()

    def clear(self) -> None:
        """Expect nothing more, as the connection ended."""
        self._open.clear()
        self._wait()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(PATIENCE, self._give_up) if self._open else None
