import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from accord.embedded import EmbeddedServer, nats, postgres

PROGRAM = """
import sys
from pathlib import Path
from accord.embedded import nats, postgres
server = {"postgres": postgres, "nats": nats}[sys.argv[1]].start(Path(sys.argv[2]))
print(server.url, server.pid, flush=True)
sys.stdin.read()
server.stop()
"""


def kill(server: EmbeddedServer) -> None:
    """Kill the server's first process and wait until it is seen to be dead."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while server.alive():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class AnotherProcess:
    """A process of its own that starts a server, and stops it when told or killed."""

    def __init__(self, server: str, data_dir: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, server, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def started(self) -> tuple[str, int]:
        assert self._process.stdout is not None
        url, pid = self._process.stdout.readline().split()
        return url, int(pid)

    def leave(self) -> int:
        self._process.communicate()
        return self._process.returncode

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def another_process(tmp_path) -> Iterator[Callable[[str, Path], AnotherProcess]]:  # noqa: ARG001 - ends before the folder goes
    started: list[AnotherProcess] = []

    def start(server: str, data_dir: Path) -> AnotherProcess:
        started.append(AnotherProcess(server, data_dir))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[[str, Path], EmbeddedServer]]:  # noqa: ARG001 - ends before the folder goes
    started: list[EmbeddedServer] = []

    def begin(server: str, data_dir: Path) -> EmbeddedServer:
        started.append({"postgres": postgres, "nats": nats}[server].start(data_dir))
        return started[-1]

    yield begin
    for server in started:
        server.stop()


@pytest.fixture(name="kill")
def _kill() -> Callable[[EmbeddedServer], None]:
    return kill


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Not below pytest's own folder, which every run of pytest closes to the account of PostgreSQL again."""
    with tempfile.TemporaryDirectory(prefix="accord-test-") as folder:
        yield Path(folder)


@pytest.fixture(params=["postgres", "nats"])
def server_name(request) -> str:
    return request.param
