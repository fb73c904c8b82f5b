"""The deadline of all requests (E-5), for less than `asyncio.timeout` costs, which sets and clears a timer for each.

Every request has the same time, so the one that came first is due first, and one timer for that one serves all.
"""

import asyncio
import time
from typing import Any


class Deadline:
    """Cancels the tasks that take longer than the others may."""

    def __init__(self, seconds: float) -> None:
        """Take the time that each task has."""
        self._seconds = seconds
        self._due: dict[asyncio.Task[Any], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, task: asyncio.Task[Any]) -> None:
        """Give the task its time."""
        self._due[task] = time.monotonic() + self._seconds
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._look)

    def is_over(self, task: asyncio.Task[Any]) -> bool:
        """Say whether the task was cancelled for its deadline, and for nothing else."""
        return task not in self._due and task.cancelling() == 1

    def end(self, task: asyncio.Task[Any]) -> None:
        """Let the task take as long as it likes from now on."""
        if self._due.pop(task, None) is None:
            task.uncancel()

    def _look(self) -> None:
        """Cancel what is due, and come again for the first of the others."""
        now, self._timer = time.monotonic(), None
        for task, due in list(self._due.items()):
            if due > now:
                self._timer = asyncio.get_running_loop().call_later(due - now, self._look)
                break
            del self._due[task]
            task.cancel()
