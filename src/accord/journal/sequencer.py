"""The sequencer of one process: it leads while it holds the lease, and stands by otherwise.

A lock would stay with a frozen process for as long as it is frozen. The lease is in the row that counts positions, ends
by the database's clock, and is renewed every RENEW_INTERVAL; any sequencer that finds it expired takes it. The lease
does not protect the journal from a superseded sequencer. The position does: a batch is written only where the position
is still the one that the batch was computed from (`journal.sequencing`).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import uuid4

import psycopg
from psycopg import AsyncConnection

from accord.database.autocommit import bounded
from accord.journal import restoring
from accord.journal.sequencing import BATCH_LIMIT, PLANS, Connection, Sequenced, Superseded, assign_positions
from accord.telemetry import logs

LEASE = 1.5
"""Seconds after its last renewal at which another process may take the lead."""
RENEW_INTERVAL = 0.4
"""Seconds after which a leader renews its lease."""
STANDBY_INTERVAL = 0.3
"""Seconds between attempts to lead."""
POLL_INTERVAL = 0.1
"""Seconds after which the leader looks without a notification: one may be lost."""
HELD_INTERVAL = 0.003
"""Seconds until the next look after a batch that was not full: an open transaction may hold entries back."""

WORK_TIMEOUT = 30.0
"""Seconds that a batch may take."""
SLOW_LOOK = 0.02
"""Seconds from which a look without entries to sequence counts as costly."""

# A lease that ends later than any that begins now comes from a clock that was set back, or from another database.
IS_LED = f"leads_until > clock_timestamp() AND leads_until <= clock_timestamp() + interval '{LEASE} s'"
"""Whether the lease in the row of `journal_sequencer` counts."""
_LEAD = f"""
UPDATE accord.journal_sequencer SET leader = %(name)s, leads_until = clock_timestamp() + interval '{LEASE} s'
WHERE leader = %(name)s OR NOT ({IS_LED})
"""  # noqa: S608 - the number is ours
_RESIGN = "UPDATE accord.journal_sequencer SET leads_until = '-infinity' WHERE leader = %(name)s"

Announce = Callable[[int], Awaitable[None]]


class Sequencer:
    """Gives committed entries their positions while it leads. A lost call of `wake` costs time and nothing else."""

    def __init__(
        self,
        database_url: str,
        announce: Announce,
        *,
        standby_interval: float = STANDBY_INTERVAL,
        retry_interval: float = restoring.RETRY_INTERVAL,
        work_timeout: float = WORK_TIMEOUT,
    ) -> None:
        """Take the database's URL, the function that announces positions, and the seconds of pauses and of a batch."""
        self._url = database_url
        self._announce = announce
        self._standby_interval, self._retry_interval = standby_interval, retry_interval
        self._work_timeout = work_timeout
        self._woken = asyncio.Event()
        self._name = str(uuid4())
        self._renewed_at = float("-inf")

    @property
    def leads(self) -> bool:
        """Whether this process has the lease; a process that was frozen knows at once that it may have lost it."""
        return time.monotonic() - self._renewed_at < LEASE

    def wake(self) -> None:
        """Look now: an entry was committed."""
        self._woken.set()

    async def run(self) -> None:
        """Lead or stand by until cancelled, through failures of the database."""
        while True:
            try:
                async with await self._connect() as connection:
                    await self._lead(connection)
            except (psycopg.Error, OSError, Superseded) as error:
                logs.warning("The sequencer lost its lease.", reason=type(error).__name__, led=self.leads)
            except Exception as error:  # noqa: BLE001 - a sequencer that ended would leave the journal without positions
                logs.exception("The sequencer failed, and starts again.", error, led=self.leads)
            finally:
                self._renewed_at = float("-inf")
            await asyncio.sleep(self._standby_interval)

    async def _connect(self) -> Connection:
        return await AsyncConnection.connect(
            self._url,
            autocommit=True,
            connect_timeout=5,
            application_name="accord-sequencer",
            # A dead machine is noticed within about 3 seconds.
            options=f"-c tcp_keepalives_idle=1 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=2 {PLANS}",
        )

    async def _lead(self, connection: Connection) -> None:
        while not await self._has_lease(connection):  # noqa: ASYNC110 - another process has the lease
            await asyncio.sleep(self._standby_interval)
        logs.info("This process sequences the journal.")
        try:
            await self._settled(connection, restoring.settle)
            await self._sequence(connection)
        except asyncio.CancelledError:
            with suppress(psycopg.Error, OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await connection.execute(_RESIGN, {"name": self._name})
            raise

    async def _sequence(self, connection: Connection) -> None:
        while True:
            await self._renew(connection)
            self._woken.clear()
            looked_at = time.monotonic()
            batch = await self._settled(connection, assign_positions)
            if batch is None:
                if time.monotonic() - looked_at > SLOW_LOOK:
                    # So many entries are held back that a look is costly; without a pause each commit would cause one.
                    await asyncio.sleep(POLL_INTERVAL)
                await self._wait()
                continue
            await self._announce(batch.position)
            if 0 < batch.entries < BATCH_LIMIT and not self._woken.is_set():
                await asyncio.sleep(HELD_INTERVAL)

    async def _settled(
        self, connection: Connection, work: Callable[[Connection], Awaitable[Sequenced | None]]
    ) -> Sequenced | None:
        """Run work that needs a settled journal; a restored journal is not settled while a writer is at work on it."""
        while True:
            try:
                async with bounded(connection, self._work_timeout):
                    return await work(connection)
            except psycopg.errors.LockNotAvailable:
                logs.warning("The journal was restored; an open transaction blocks its sequencing.")
            tried_at = time.monotonic()
            while time.monotonic() - tried_at < self._retry_interval:
                await self._renew(connection)
                await asyncio.sleep(RENEW_INTERVAL)

    async def _renew(self, connection: Connection) -> None:
        if time.monotonic() - self._renewed_at > RENEW_INTERVAL and not await self._has_lease(connection):
            raise Superseded

    async def _has_lease(self, connection: Connection) -> bool:
        """Take or renew the lease; return whether this process has it, here no longer than in the database."""
        asked_at = time.monotonic()
        async with bounded(connection, 2 * LEASE):
            lead = await connection.execute(_LEAD.encode(), {"name": self._name}, prepare=True)
        if lead.rowcount == 0:
            return False
        self._renewed_at = asked_at
        return True

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(POLL_INTERVAL):
                await self._woken.wait()
        except TimeoutError:
            return
