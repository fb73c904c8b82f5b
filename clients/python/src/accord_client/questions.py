"""The open requests of a live connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

SILENCE_TIMEOUT: Final = 15.0
"""Seconds without a frame while a response is due; then the connection is taken as dead."""


RESPONSE_TIMEOUT: Final = 60.0
"""Seconds that a response may take, with any frames before it: a replay over a slow line takes time."""


class Questions:
    """Notices a silent connection while a response is due, and a lost response while other frames arrive.

    Frames may come before a response, and each of them counts; but a response that is too far behind never comes.
    """

    def __init__(self, give_up: Callable[[], None]) -> None:
        """Take what ends the connection."""
        self._give_up = give_up
        self._open: list[tuple[str, asyncio.TimerHandle]] = []
        self._timer: asyncio.TimerHandle | None = None

    def asked(self, name: str) -> None:
        limit = asyncio.get_running_loop().call_later(RESPONSE_TIMEOUT, self._give_up)
        self._open.append((name, limit))
        if len(self._open) == 1:
            self._wait()

    def responded(self, name: str) -> None:
        """Note a response; an unrequested one changes nothing."""
        question = next((each for each in self._open if each[0] == name), None)
        if question is not None:
            self._open.remove(question)
            question[1].cancel()
            self._wait()

    def heard(self) -> None:
        """Note any frame: where one comes, the connection lives."""
        if self._open:
            self._wait()

    def clear(self) -> None:
        """Expect nothing more, as the connection ended."""
        for _, limit in self._open:
            limit.cancel()
        self._open.clear()
        self._wait()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(SILENCE_TIMEOUT, self._give_up) if self._open else None
