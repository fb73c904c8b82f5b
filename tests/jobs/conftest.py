import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from job_programs import Workshop, workshop
from journal.conftest import ledger, ledger_template, workers
from ledger import Ledger

__all__ = ["ledger", "ledger_template", "process", "shop", "workers"]

Process = subprocess.Popen[bytes]
SUPPORT = Path(__file__).parents[1] / "support"


@pytest.fixture
async def shop(ledger: Ledger, tmp_path: Path) -> AsyncIterator[Workshop]:
    """A database of its own with the tasks of tests; the test starts the runners."""
    async with workshop(ledger.url, tmp_path) as opened:
        yield opened


@pytest.fixture
def process(shop: Workshop, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts runners as processes on the database of the workshop, and returns them once they run jobs."""
    started: list[Process] = []

    def start(*options: str) -> Process:
        one = subprocess.Popen(
            [sys.executable, "-m", "job_process", shop.url, str(tmp_path), *options],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SUPPORT), *sys.path])},
            stdout=subprocess.PIPE,
        )
        started.append(one)
        assert one.stdout is not None
        assert one.stdout.readline() == b"ready\n"
        return one

    yield start
    for one in started:
        one.kill()
        one.wait()
        assert one.stdout is not None
        one.stdout.close()
