"""Follows the journal by position; every durable reader of the journal builds on the tail, in every process.

Notifications, from this process or over NATS, only make the tail quick. Without notifications the tail polls, and
misses no entry.
"""

import asyncio
from collections.abc import Callable

from accord.database.autocommit import Bounded
from accord.journal.chain import START
from accord.journal.cursors import Cursor
from accord.journal.reading import PositionPruned, Replaced, TailEntry, read_on, sequencer_state
from accord.problems import Problem
from accord.telemetry import logs

POLL_INTERVAL = 1.0
"""Seconds after which the tail polls while notifications can arrive."""
POLL_INTERVAL_ALONE = 0.1
"""Seconds after which the tail polls while no notification can arrive."""

Listener = Callable[[list[TailEntry]], None]


class JournalTail:
    """Hands every entry, in order and once, to the listeners of this process."""

    def __init__(
        self, database: Bounded, is_woken_by_others: Callable[[], bool], *, poll_interval: float = POLL_INTERVAL
    ) -> None:
        """Take the database, and a function that says whether notifications of other processes can arrive."""
        self._database = database
        self._is_woken_by_others = is_woken_by_others
        self._poll_interval = poll_interval
        self._woken = asyncio.Event()
        self.listeners: list[Listener] = []
        self.when_replaced: list[Callable[[], object]] = []
        """Called after listeners missed entries, or got entries that are gone: the journal was replaced, or pruned."""
        self.position = 0
        """The last position that the listeners have seen."""
        self._hash = START

    @property
    def cursor(self) -> Cursor:
        """The cursor of the last entry that the listeners have seen."""
        return Cursor.of(self.position, self._hash)

    def wake(self) -> None:
        """Read now: an entry was sequenced."""
        self._woken.set()

    async def start(self) -> None:
        """Begin at the newest position; subscribers read older entries themselves."""
        state = await sequencer_state(self._database)
        self.position, self._hash = state.position, state.hash

    async def run(self) -> None:
        """Follow until cancelled, through failures of the database."""
        while True:
            self._woken.clear()
            entries = await self._read()
            if entries:
                self.position, self._hash = entries[-1].position, entries[-1].hash
                for listener in self.listeners:
                    _tell(listener, entries)
            else:
                await self._wait()

    async def _read(self) -> list[TailEntry]:
        try:
            return await self._read_on()
        except Problem as problem:
            logs.debug("The journal could not be read.", reason=problem.code)
        except Exception as error:  # noqa: BLE001 - a tail that ended would leave every reader behind for good
            logs.exception("The journal could not be read.", error)
        return []

    async def _read_on(self) -> list[TailEntry]:
        try:
            return await read_on(self._database, self.position, self._hash)
        except (Replaced, PositionPruned) as lost:
            position = self.position
            await self.start()
            what = "replaced by another one" if isinstance(lost, Replaced) else "pruned before it was read"
            logs.warning(f"The journal was {what}.", position=position, now=self.position)
            for tell in self.when_replaced:
                tell()
            return []

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._poll_interval if self._is_woken_by_others() else POLL_INTERVAL_ALONE):
                await self._woken.wait()
        except TimeoutError:
            return


def _tell(listener: Listener, entries: list[TailEntry]) -> None:
    try:
        listener(entries)
    except Exception as error:  # noqa: BLE001 - a failing listener must not keep entries from the others
        logs.exception("A listener of the journal failed.", error)
