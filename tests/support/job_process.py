"""A runner as a process of its own, so that tests can kill it: `python -m job_process URL FOLDER [SETTING=VALUE …]`."""

import asyncio
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from job_programs import DEFINITIONS, Workshop, nothing, workshop

from accord.jobs.schedules import Schedules

KNOWN = "known"
BEGIN = datetime(2027, 3, 1, 10, 20, tzinfo=UTC)
HASTE = 600
"""By how much the clock of a schedule is faster: a minute passes in a tenth of a second."""


async def run(url: str, folder: Path, **options: str) -> None:
    """Run jobs until SIGTERM, then stop like a process of the service."""
    definitions = {name: one for name, one in DEFINITIONS.items() if name in options.get(KNOWN, name).split(",")}
    async with workshop(url, folder, definitions, job_lease=int(options.get("lease", "30"))) as shop:
        shop.flows = {name: shop.flows[name] for name in definitions}
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        scheduling = scheduled(shop, float(options["minutes_since"])) if "minutes_since" in options else None
        runner = await shop.start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await stopped.wait()
        if scheduling is not None:
            scheduling.cancel()
        await runner.stop(float(options.get("shutdown", "30")))


def scheduled(shop: Workshop, since: float) -> asyncio.Task[None]:
    """Enqueue a job of `sweep` each minute, on a clock that all processes with this value of `time.monotonic` share."""
    shop.define("sweep", nothing, every={"cron": "* * * * *", "zone": "UTC"})
    shop.resources.clock = lambda: BEGIN + HASTE * timedelta(seconds=time.monotonic() - since)
    return asyncio.create_task(Schedules(shop.resources, has_metrics=False).run())


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2]), **dict(each.split("=", 1) for each in sys.argv[3:])))
