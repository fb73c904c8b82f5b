"""Advisory file locks: the kernel drops them with their last holder, however it died."""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.01


class LockBusyError(Exception):
    """Somebody else kept the lock for longer than the given time."""


def open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def acquire(path: Path, *, timeout: float, shared: bool = False) -> int:
    """Return a descriptor that holds the lock until it and its inherited copies are closed."""
    deadline = time.monotonic() + timeout
    descriptor = open_lock(path)
    while not try_lock(descriptor, shared=shared):
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise LockBusyError(str(path))
        time.sleep(POLL_SECONDS)
    return descriptor


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock exclusively; probing is shared, so two probes never meet."""
    descriptor = open_lock(path)
    try:
        return not try_lock(descriptor, shared=True)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, *, timeout: float) -> Generator[None]:
    descriptor = acquire(path, timeout=timeout)
    try:
        yield
    finally:
        os.close(descriptor)
