"""What tests of operations look at: processes, their memory and what is left of them."""

import os
import signal
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from running import NO_JOBS, Program, Service

once = pytest.mark.skipif(
    os.environ.get("FLOW_TRANSPORT") == "nats", reason="starts its own processes, whatever the transport of the others"
)


def beside(service: Service, folder: Path, **environment: str) -> Service:
    """Return a service of its own processes on the data folder, and so on the servers and keys, of another one."""
    return Service(folder, **{"DATA_DIR": str(service.folder / "data"), "JOB_QUEUES": NO_JOBS, **environment})


def alive_in(folder: Path) -> list[str]:
    """Return the names of the processes that work in this folder, or have it in their command line."""
    found: list[str] = []
    for process in psutil.process_iter(["name", "cmdline", "cwd"]):
        words = [*(process.info["cmdline"] or ()), process.info["cwd"] or ""]
        if process.pid != os.getpid() and any(str(folder) in word for word in words):
            found.append(process.info["name"])
    return found


def resident_mebibytes(process: int) -> float:
    """Return the memory of a process; what it shares with others counts, too."""
    return psutil.Process(process).memory_info().rss / 2**20


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Look again and again until it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.02)


@contextmanager
def locked_row(url: str, user_id: str) -> Generator[psycopg.Connection]:
    """Keep everybody else from changing this account."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT FROM accord.users WHERE id = %s FOR UPDATE", (user_id,))
        yield connection


def someone_waits_for_a_lock(url: str) -> bool:
    """Say whether a change of an account waits; whoever keeps house in the background may wait for others, too."""
    with psycopg.connect(url, autocommit=True) as connection:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            " AND query LIKE 'UPDATE accord.users%'"
        )
        return connection.execute(waiting).fetchone() != (0,)


def interrupt(program: Program) -> int:
    """Do what Ctrl-C does, and return the exit status."""
    return program.stop(signal.SIGINT)
