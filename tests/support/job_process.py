"""A runner as a process of its own, so that tests can kill it: `python -m job_process URL FOLDER [SETTING=VALUE …]`."""

import asyncio
import signal
import sys
from pathlib import Path

from job_programs import DEFINITIONS, workshop

KNOWN = "known"


async def run(url: str, folder: Path, **options: str) -> None:
    """Run jobs until SIGTERM, then stop like a process of the service."""
    definitions = {name: one for name, one in DEFINITIONS.items() if name in options.get(KNOWN, name).split(",")}
    async with workshop(url, folder, definitions, job_lease=int(options.get("lease", "30"))) as shop:
        shop.flows = {name: shop.flows[name] for name in definitions}
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        runner = await shop.start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await stopped.wait()
        await runner.stop(float(options.get("shutdown", "30")))


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2]), **dict(each.split("=", 1) for each in sys.argv[3:])))
