"""The base of the two embedded servers: joining, starting, stopping, and noticing that a server died.

Processes agree by three lock files in the server's folder, and by nothing else:

- `start.lock` is held while a process starts or stops the server;
- `users.lock` is held, shared, by every Accord process that uses the server, so that the last user knows that it is the
  last;
- `running.lock` is inherited by the server and all its children, so that the lock is held exactly as long as one of
  them lives. A process id alone is no proof after a crash, when another process may have the number.
"""

import atexit
import logging
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import ClassVar, Self, TypedDict, Unpack

from accord.embedded import locks, processes
from accord.problems import CannotStart

LOG_LIMIT_BYTES = 10 * 1024 * 1024
START_TIMEOUT = 120.0  # seconds; PostgreSQL may have to recover from a crash first
STOP_TIMEOUT = 10.0  # seconds for each signal, before the next and harsher one
TAKEOVER_TIMEOUT = 10.0  # seconds for the children of a dead server to end

_logger = logging.getLogger("accord.embedded")
_running: list[subprocess.Popen[bytes]] = []  # garbage collection of a Popen whose process runs would warn


class EmbeddedError(CannotStart):
    """An embedded server cannot be started; the message says what to do."""


class ProcessOptions(TypedDict, total=False):
    cwd: Path
    env: dict[str, str]
    umask: int
    user: int
    group: int
    extra_groups: list[int]


class EmbeddedServer(ABC):
    name: ClassVar[str]
    title: ClassVar[str]
    stop_signals: ClassVar[Sequence[signal.Signals]]

    def __init__(self, data_dir: Path) -> None:
        if sys.platform == "win32":
            raise EmbeddedError(f"Embedded {self.title} needs Linux or macOS. Use WSL, or configure its URL.")
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = data_dir.resolve() / self.name
        self.folder.mkdir(mode=0o711, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._users: int | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address with credentials, the same after a restart of the server."""

    @abstractmethod
    def _launch(self, running: int) -> subprocess.Popen[bytes]:
        """Start the server process, which must inherit the descriptor `running`."""

    @abstractmethod
    def _responds(self) -> bool:
        """Return whether the running server accepts connections."""

    def _clear_orphans(self) -> None:  # noqa: B027 - NATS leaves none
        """Kill the processes that a killed server left behind."""

    @property
    def pid(self) -> int | None:
        with suppress(FileNotFoundError, ValueError):
            return int(self._pid_file.read_text())
        return None

    def alive(self) -> bool:
        process = self._process
        if process is not None and process.poll() is not None and self._process is process:
            self._process = None  # another process may have started the next server already
        return locks.is_held(self._running_lock) and processes.is_alive(self.pid)

    def start(self) -> Self:
        """Start the server, or join the one that another process runs on this folder."""
        with self._exclusively():
            self._users = locks.acquire(self._users_lock, timeout=STOP_TIMEOUT, shared=True)
            try:
                self._ensure_running()
            except BaseException:
                self._leave()
                raise
        atexit.register(self.stop)
        return self

    def restart_if_dead(self) -> bool:
        """Start a dead server again on the same address; return False when the server lives."""
        if self.alive():
            return False
        with self._exclusively():
            if self._users is None or self.alive():
                return False
            self._ensure_running()
        return True

    def stop(self) -> None:
        """Leave the server; the last process to leave stops it."""
        if self._users is None:
            return
        atexit.unregister(self.stop)
        with self._exclusively():
            if locks.try_lock(self._users):  # no other process holds the lock
                self._shut_down()
            self._leave()

    def _ensure_running(self) -> None:
        if not self._comes_up():  # dead, or died during the check
            self._start_process()
            if not self._comes_up():
                raise EmbeddedError(f"{self.title} did not start. {self._log_tail()}")
        self._write("url", self.url)

    def _comes_up(self) -> bool:
        deadline = time.monotonic() + START_TIMEOUT
        while self.alive():
            if self._responds():
                return True
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{self.title} does not respond. {self._log_tail()}")
            time.sleep(locks.POLL_SECONDS)
        return False

    def _start_process(self) -> None:
        running = self._take_over()
        self._collect()
        try:
            self._process = self._launch(running)
        finally:
            os.close(running)
        self._write("pid", str(self._process.pid))

    def _take_over(self) -> int:
        """Wait until no process of an earlier server lives on this folder; return the descriptor of `running.lock`."""
        try:
            return locks.acquire(self._running_lock, timeout=0.3)
        except locks.LockBusyError:
            self._clear_orphans()
        try:
            return locks.acquire(self._running_lock, timeout=TAKEOVER_TIMEOUT)
        except locks.LockBusyError as busy:
            raise EmbeddedError(
                f"Processes of an earlier {self.title} still use {self.folder} and do not end. "
                "Stop them, then start again."
            ) from busy

    def _shut_down(self) -> None:
        for stop_signal in self.stop_signals:
            pid = self.pid
            if pid is None or not self.alive():
                break
            with suppress(ProcessLookupError):
                os.kill(pid, stop_signal)
            if self._ended_within(STOP_TIMEOUT):
                break
            _logger.warning("%s ignored %s", self.title, stop_signal.name)
        self._collect()
        self._pid_file.unlink(missing_ok=True)

    def _collect(self) -> None:
        """Wait until a process that has closed its files has ended; without the wait, the process stays a zombie."""
        if self._process is not None:
            self._process.wait(STOP_TIMEOUT)
            self._process = None

    def _ended_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            ended = self._process is None or self._process.poll() is not None
            if ended and not locks.is_held(self._running_lock):
                return True
            time.sleep(locks.POLL_SECONDS)
        return False

    def _leave(self) -> None:
        if self._users is not None:
            os.close(self._users)
            self._users = None

    def _exclusively(self) -> AbstractContextManager[None]:
        return locks.locked(self.folder / "start.lock", timeout=START_TIMEOUT)

    def _spawn(
        self, running: int, command: Sequence[str], **process: Unpack[ProcessOptions]
    ) -> subprocess.Popen[bytes]:
        _running[:] = [earlier for earlier in _running if earlier.poll() is None]
        with self._log() as log:
            server = subprocess.Popen(  # noqa: S603 - the binaries of declared dependencies
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(running,),
                start_new_session=True,  # Ctrl-C is for Accord, which then stops the server in order
                **process,
            )
        _running.append(server)
        return server

    @contextmanager
    def _log(self) -> Generator[int]:
        log = self.folder / "log"
        if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
            log.rename(self.folder / "log.old")
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _log_tail(self, lines: int = 5) -> str:
        log = self.folder / "log"
        if not log.exists():
            return f"The server wrote no log in {self.folder}."
        tail = log.read_text(errors="replace").splitlines()[-lines:]
        return f"The end of {log}:\n" + "\n".join(tail)

    def _write(self, name: str, text: str) -> None:
        """Write a private file in one step, so that no other process reads half of it."""
        draft = self.folder / f"{name}.new"
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        draft.rename(self.folder / name)

    @property
    def _pid_file(self) -> Path:
        return self.folder / "pid"

    @property
    def _running_lock(self) -> Path:
        return self.folder / "running.lock"

    @property
    def _users_lock(self) -> Path:
        return self.folder / "users.lock"
