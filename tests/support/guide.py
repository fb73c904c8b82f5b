"""Runs what a guide tells people to type, and compares what is printed with what the guide says.

The `bash` blocks of a guide run in one shell, one after another; `python` blocks run beside it, with what the shell
exports. A `json` or `text` block is what the block before it prints. A block that is not to be run is `sh`.
In what is expected, `…` stands for anything in one line, and every id, time and duration for any other.
"""

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from checked_client import new_address
from given import new_email

ADDRESS = "http://localhost:8080"
BLOCK_TIMEOUT = 240.0
PERSON = re.compile(r"ada(\+\w+)?@example\.com")
_block = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_varying = (
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}",  # ids
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",  # times
    r"\b[0-9a-f]{32}\b",  # request ids
    r'(?<=uptime": )\d+(?:\.\d+)?',  # durations
    r'(?<=Ms": )\d+(?:\.\d+)?',
)
_vary = re.compile("|".join((r"(?P<anything>…)", *(f"({like})" for like in _varying))))
ANOTHER_PORT = "8081"
# A client has an address of its own, so that no guide uses up another's rate limits; metrics are for this machine only.
PROGRAMS = {
    "accord": 'exec "$PYTHON" -m accord "$@"',
    "python3": 'exec "$PYTHON" "$@"',
    "curl": """case "$*" in
      */metrics*) exec "$CURL" "$@" ;;
      *) exec "$CURL" -H "X-Forwarded-For: $ADDRESS" "$@" ;;
    esac""",
}


class Block(NamedTuple):
    """One fenced block, and the line of the guide that it begins in."""

    language: str
    text: str
    line: int


def blocks(guide: Path) -> list[Block]:
    text = guide.read_text("utf-8")
    return [Block(m[1], m[2], text.count("\n", 0, m.start()) + 2) for m in _block.finditer(text)]


def run(guide: Path, url: str, folder: Path, environment: Mapping[str, str], *, person: bool = True) -> None:
    """Run the guide against the service at the URL, in the folder; fail at the first difference.

    The person of the guide gets an address of its own, unless the guide is to do with what it says.
    """
    places = {ADDRESS: url, ANOTHER_PORT: str(free_port())}
    address = new_email()

    def here(text: str) -> str:
        for there, mine in places.items():
            text = text.replace(there, mine)
        return PERSON.sub(address, text) if person else text

    printed, ran = "", False
    with shell(folder, environment) as execute:
        for language, text, line in blocks(guide):
            place = f"{guide.name}:{line}"
            if language in {"bash", "python"}:
                printed, ran = execute(here(text), language, place), True
            elif language in {"json", "text"}:
                assert ran, f"{place}: there is no block that could print this"
                assert pattern(here(text)).fullmatch(canonical(printed)), (
                    f"{place}: expected\n{canonical(here(text))}\nbut got\n{canonical(printed)}"
                )
                ran = False


@contextmanager
def shell(folder: Path, environment: Mapping[str, str]) -> Iterator["Shell"]:
    running = Shell(folder, environment)
    try:
        yield running
    finally:
        running.stop()


class Shell:
    """A bash that keeps its variables from one block to the next, and stops at the first command that fails."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._number = 0
        self._scripts = Path(tempfile.mkdtemp(prefix="accord-guide-"))
        for name, command in PROGRAMS.items():
            program = self._scripts / name
            program.write_text(f"#!/bin/sh\n{command}\n", "utf-8")
            program.chmod(0o755)
        ours = {
            "PATH": f"{self._scripts}{os.pathsep}{os.environ['PATH']}",
            "PYTHON": sys.executable,
            "CURL": shutil.which("curl") or "curl",
            "ADDRESS": new_address(),
        }
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env={**os.environ, **environment, **ours},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self("set -euo pipefail", "bash", "the beginning")

    def __call__(self, text: str, language: str, place: str) -> str:
        """Run a block, and return what it printed."""
        self._number += 1
        end = f"end of block {self._number}"
        script = self._scripts / f"block-{self._number}.{language}"
        script.write_text(text, "utf-8")
        command = f'"$PYTHON" {script}' if language == "python" else f"source {script}"
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command} </dev/null\nprintf '\\n%s\\n' '{end}'\n")
        self._process.stdin.flush()
        printed = self._read_until(end)
        assert printed is not None, f"{place} failed:\n{self._read}"
        return printed

    def _read_until(self, end: str) -> str | None:
        assert self._process.stdout is not None
        guard = threading.Timer(BLOCK_TIMEOUT, self._kill)
        guard.start()
        self._read = ""
        try:
            for line in self._process.stdout:
                if line == f"{end}\n":
                    return self._read
                self._read += line
        finally:
            guard.cancel()
        return None

    def _kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """End the shell and what it left running."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(BLOCK_TIMEOUT)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        self._process.stdout.close()
        shutil.rmtree(self._scripts)


def free_port() -> int:
    """Return a port that nobody is given by chance before it is used: below those that connections leave from."""
    for port in random.sample(range(10_000, 30_000), 100):
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port
    raise AssertionError("All ports are in use.")


def canonical(text: str) -> str:
    """Return JSON in one form, whatever its spaces and the order of its fields; other text without its edges."""
    try:
        return json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False)
    except ValueError:
        return "\n".join(line.rstrip() for line in text.strip().splitlines())


def pattern(expected: str) -> re.Pattern[str]:
    """Return what matches the expected text and its like."""
    source, at, text = "", 0, canonical(expected)
    for found in _vary.finditer(text):
        like = ".*" if found["anything"] else _varying[found.lastindex - 2]
        source += re.escape(text[at : found.start()]) + like
        at = found.end()
    return re.compile(source + re.escape(text[at:]))
