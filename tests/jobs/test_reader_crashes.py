"""RX-2: a process that is killed or frozen between an effect and its commit leaves the effect to another one, once."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from jobs.reading import Reading, after, running
from ledger import Ledger
from processes import wait_until

TESTS = Path(__file__).parents[1]
Started = Callable[[int, signal.Signals], subprocess.Popen[bytes]]


@pytest.fixture
def started(ledger: Ledger, tmp_path: Path) -> Iterator[Started]:
    """Starts processes that send themselves a signal before they commit the effect of the entry at a position."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(position: int, number: signal.Signals) -> subprocess.Popen[bytes]:
        paths = [str(TESTS), str(TESTS / "support"), *filter(None, [os.environ.get("PYTHONPATH")])]
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "jobs.reader_process", ledger.url, tmp_path, str(position), str(int(number))],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait(60)


@pytest.fixture
async def reading(ledger: Ledger) -> Reading:
    """A reader at the start of a journal of eight entries."""
    found = Reading(ledger)
    await found.begin(after())
    await ledger.write(*"abcdefgh")
    await ledger.assign_positions()
    return found


async def test_processes_killed_before_the_commit_leave_each_effect_once(ledger, reading, started, tmp_path, until):
    for position in (1, 4, 8):
        assert started(position, signal.SIGKILL).wait(60) == -signal.SIGKILL

    async with running(ledger.url, tmp_path, after()):
        await until(reading.position, lambda position: position == 8)

    assert await reading.effects() == list(range(1, 9))


async def test_a_process_that_was_frozen_before_the_commit_commits_nothing(ledger, reading, started, tmp_path, until):
    frozen = started(4, signal.SIGSTOP)
    wait_until(lambda: psutil.Process(frozen.pid).status() == psutil.STATUS_STOPPED)

    async with running(ledger.url, tmp_path, after()):
        await until(reading.position, lambda position: position == 8)
        frozen.send_signal(signal.SIGCONT)
        # The thawed process goes on as a second one: it has noticed once it shares the later entries.
        await ledger.write(*"ij")
        await ledger.assign_positions()
        await until(reading.position, lambda position: position == 10)

    assert frozen.poll() is None
    await ledger.write("k")
    await ledger.assign_positions()
    await until(reading.position, lambda position: position == 11)
    assert await reading.effects() == list(range(1, 12))
