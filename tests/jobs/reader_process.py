"""A process that reacts after the commit, and sends itself a signal when an effect is written and not yet committed."""

import asyncio
import os
import sys
from pathlib import Path

from jobs.reading import after, running, write_effect

from accord.context import Context
from accord.journal.readers import Entry


async def main(url: str, folder: str, position: str, number: str) -> None:
    async def flow(context: Context, entry: Entry) -> None:
        await write_effect(context, entry)
        if entry.position == int(position):
            os.kill(os.getpid(), int(number))

    async with running(url, Path(folder), after(flow=flow)):
        await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
