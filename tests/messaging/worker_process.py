"""A worker in a process of its own, that a test may freeze; it writes down the number of each request it begins."""

import asyncio
import os
import sys

from messaging.flows import start_worker

from accord.dispatch import Result
from accord.messaging import lease
from accord.messaging.connection import Connection


async def main(url: str, name: str, log: str, lasting: str) -> None:
    lease.LEASE = float(lasting)
    begun = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    connection = Connection(url, "test")
    await connection.start(60)

    async def flow(_, __, inputs) -> Result:
        os.write(begun, f"{inputs['number']}\n".encode())
        if inputs.get("is_stuck"):
            await asyncio.sleep(600)
        return Result(success=True, status=200, data="other")

    await start_worker(connection, name, flow)
    os.write(begun, b"0\n")
    await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
