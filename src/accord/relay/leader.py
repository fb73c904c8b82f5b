"""The relay of one process: leads when it has the advisory lock, stands by otherwise."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import psycopg
from psycopg import AsyncConnection

from accord import logs
from accord.relay.stamping import MOST, PLANS, Connection, Superseded, stamp

LOCK = 0x4143434F52445245  # "ACCORDRE" in ASCII
STANDBY_INTERVAL = 0.5
"""Seconds between attempts to lead: a standby takes over within this, once PostgreSQL has noticed the loss."""
POLL_INTERVAL = 0.1
"""Seconds after which the leader looks by itself, should a wake-up be lost."""
HELD_INTERVAL = 0.003
"""Seconds until the next look while entries are there that an open transaction holds back."""

SLOW_LOOK = 0.02
"""Seconds after which a look that found nothing to stamp was a costly one."""

Announce = Callable[[int], Awaitable[None]]


class Relay:
    """Stamps for as long as it leads. `wake` is called after commits; a lost call costs only time."""

    def __init__(self, database_url: str, announce: Announce) -> None:
        """Take where the journal is, and whom to tell of new positions."""
        self._url = database_url
        self._announce = announce
        self._woken = asyncio.Event()
        self.leads = False

    def wake(self) -> None:
        """Look now: something was committed."""
        self._woken.set()

    async def run(self) -> None:
        """Lead or stand by until cancelled, whatever happens to the database meanwhile."""
        while True:
            try:
                async with await self._connect() as connection:
                    await self._lead(connection)
            except (psycopg.Error, OSError, Superseded) as error:
                logs.warning("The relay lost its place.", reason=type(error).__name__, led=self.leads)
            except Exception as error:  # noqa: BLE001 - a relay that ended would leave the journal without positions
                logs.exception("The relay failed; it tries again.", error, led=self.leads)
            finally:
                self.leads = False
            await asyncio.sleep(STANDBY_INTERVAL)

    async def _connect(self) -> Connection:
        return await AsyncConnection.connect(
            self._url,
            autocommit=True,
            connect_timeout=5,
            application_name="accord-relay",
            # A dead machine must not keep the lock: the server notices within seconds.
            options=f"-c tcp_keepalives_idle=1 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=2 {PLANS}",
        )

    async def _lead(self, connection: Connection) -> None:
        while not await self._has_lock(connection):  # noqa: ASYNC110 - another process holds it
            await asyncio.sleep(STANDBY_INTERVAL)
        self.leads = True
        logs.info("This process relays the journal.")
        while True:
            self._woken.clear()
            looked_at = time.monotonic()
            batch = await stamp(connection)
            if batch is None:
                if time.monotonic() - looked_at > SLOW_LOOK:
                    # So much is held back that looking costs; each commit would have it looked at again.
                    await asyncio.sleep(POLL_INTERVAL)
                await self._wait()
                continue
            await self._announce(batch.position)
            if batch.entries < MOST and not self._woken.is_set():
                await asyncio.sleep(HELD_INTERVAL)

    async def _has_lock(self, connection: Connection) -> bool:
        row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])).fetchone()
        return row == (True,)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(POLL_INTERVAL):
                await self._woken.wait()
        except TimeoutError:
            return
