"""The deadline of all requests (E-5), cheaper than `asyncio.timeout`, which sets and clears a timer for each request.

All requests have the same time, so the oldest request is due first, and one timer for the oldest serves all.
"""

import asyncio
import time
from typing import Any


class Deadline:
    """Cancels the tasks that take longer than the deadline."""

    def __init__(self, seconds: float) -> None:
        """Take the seconds that each task has."""
        self._seconds = seconds
        self._due: dict[asyncio.Task[Any], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, task: asyncio.Task[Any]) -> None:
        """Start the deadline of the task."""
        self._due[task] = time.monotonic() + self._seconds
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._look)

    def is_over(self, task: asyncio.Task[Any]) -> bool:
        """Return whether the task was cancelled for its deadline, and for no other reason."""
        return task not in self._due and task.cancelling() == 1

    def end(self, task: asyncio.Task[Any]) -> None:
        """End the deadline of the task."""
        if self._due.pop(task, None) is None:
            task.uncancel()

    def _look(self) -> None:
        """Cancel the tasks that are due, and set the timer for the oldest of the others."""
        now, self._timer = time.monotonic(), None
        for task, due in list(self._due.items()):
            if due > now:
                self._timer = asyncio.get_running_loop().call_later(due - now, self._look)
                break
            del self._due[task]
            task.cancel()
