"""Programs that are measured: started on their core, waited for, and stopped whatever happens."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.machine import SERVER, Cores, pinned_to

START_TIMEOUT = 60.0
STOP_TIMEOUT = 40.0
LISTENS = r"listens on http://127\.0\.0\.1:(\d+)"
_numbers = itertools.count(1)


class Program:
    """A Python program, its log, and the port it printed."""

    def __init__(
        self, module: str, *arguments: str, folder: Path, environment: Mapping[str, str], cores: Cores = SERVER
    ) -> None:
        self.log = folder / f"{next(_numbers)}-{'-'.join((module, *arguments))[:60].replace('/', '_')}.log"
        self._arguments = (module, *arguments)
        with pinned_to(cores), self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self._arguments],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def port(self) -> int:
        """The port it listens on, once it does."""
        return int(self.wait_for(LISTENS))

    def wait_for(self, pattern: str) -> str:
        """Return the first group of what it prints, once it does."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            has_ended = self.process.poll() is not None
            found = re.search(pattern, self.log.read_text("utf-8", "replace"))
            if found:
                return found[1]
            if has_ended:
                break
            time.sleep(0.01)
        raise AssertionError(f"{self._arguments} did not print {pattern!r}:\n{self.log.read_text()[-3000:]}")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
