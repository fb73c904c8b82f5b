"""The time for which the process of a test stood still, which a limit in seconds has to allow for."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

TICK = 0.05


class Stillness:
    """Looks at the clock at every tick; what is more than a tick between two looks was stillness."""

    def __init__(self) -> None:
        self._noted, self._looked = 0.0, time.monotonic()

    def look(self) -> None:
        """Note the time since the last look, less a tick."""
        now = time.monotonic()
        late = now - self._looked - TICK
        self._looked = now
        self._noted += late if late > TICK else 0.0

    @property
    def seconds(self) -> float:
        """The stillness so far, also that before a tick which is overdue."""
        self.look()
        return self._noted


@asynccontextmanager
async def stillness() -> AsyncIterator[Stillness]:
    """Note for how long the process, and with it most likely the machine, stood still within the block."""
    noted = Stillness()

    async def look_on() -> None:
        while True:
            await asyncio.sleep(TICK)
            noted.look()

    looking = asyncio.create_task(look_on())
    try:
        yield noted
    finally:
        looking.cancel()
