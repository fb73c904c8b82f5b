"""Coroutines that run at once, and become a task only when they have to wait.

Most coroutines of the edge never wait, and a task with its scheduling and its end costs as much as the response.
Python 3.12 has eager tasks for this; here, one spare task is kept ready. A coroutine runs as this task, which
`asyncio.current_task` returns meanwhile; a coroutine that has to wait is continued by the task.
"""

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import copy_context
from typing import Any

Work = Coroutine[Any, Any, None]


class CoroutineRunner:
    """Runs coroutines from callbacks of the event loop, where no task is running."""

    def __init__(self) -> None:
        """Keep no spare task yet: the event loop may not run."""
        self._spare: _Spare | None = None

    def run_until_blocked(self, work: Work) -> asyncio.Task[None] | None:
        """Run the coroutine until it ends or waits; return the task that continues it, None when it has ended."""
        spare = self._spare
        if spare is None or spare.given.done():
            spare = self._spare = _Spare(asyncio.get_running_loop())
        asyncio.tasks._enter_task(spare.loop, spare.task)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # documented in "Extending asyncio"
        try:
            waits_for = spare.context.run(work.send, None)
        except StopIteration:
            return None
        finally:
            asyncio.tasks._leave_task(spare.loop, spare.task)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self._spare = None
        spare.given.set_result(_Rest(work, waits_for))
        return spare.task


class _Spare:
    """A task that waits for a coroutine to continue."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.context = copy_context()
        self.given: asyncio.Future[_Rest] = loop.create_future()
        self.task: asyncio.Task[None] = loop.create_task(self._carry_on(), context=self.context)

    async def _carry_on(self) -> None:
        try:
            rest = await self.given
        except asyncio.CancelledError:
            if self.given.cancelled():
                raise
            # The task was cancelled between `set_result` and running: the work is to be cancelled.
            rest = self.given.result()
            self.task.uncancel()
            self.task.cancel()
        await rest


class _Rest(Generator[Any, Any, None]):
    """The rest of a coroutine that runs already and waits; Python cannot await such a coroutine."""

    def __init__(self, work: Work, waits_for: Any) -> None:
        self._work = work
        self._waits_for = waits_for
        self._begun = False

    def __await__(self) -> "_Rest":
        return self

    def send(self, value: Any) -> Any:
        if self._begun:
            return self._work.send(value)
        self._begun = True
        return self._waits_for

    def throw(self, *error: Any) -> Any:
        self._begun = True
        return self._work.throw(*error)
