import asyncio
import logging

from accord.embedded.server import EmbeddedServer

INTERVAL = 0.2  # seconds between checks; a check costs two system calls
LONGEST_WAIT = 5.0  # seconds between attempts on a server that cannot be started

_logger = logging.getLogger("accord.embedded")


async def supervise(*servers: EmbeddedServer) -> None:
    """Restart each server whenever it dies, until cancelled; every process on a data folder may do so."""
    async with asyncio.TaskGroup() as group:
        for server in servers:
            group.create_task(_watch(server))


async def _watch(server: EmbeddedServer) -> None:
    wait = INTERVAL
    while True:
        await asyncio.sleep(wait)
        if server.alive():
            wait = INTERVAL
            continue
        wait = INTERVAL if await _restarted(server) else min(wait * 2, LONGEST_WAIT)


async def _restarted(server: EmbeddedServer) -> bool:
    _logger.warning("%s died; starting it again", server.title)
    try:
        await asyncio.to_thread(server.restart_if_dead)
    except Exception:
        _logger.exception("%s cannot be started; trying again", server.title)
        return False
    return True
