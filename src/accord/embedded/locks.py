"""Advisory file locks: the kernel releases a lock with its last holder, however that process ended."""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.01


class LockBusyError(Exception):
    """Another process held the lock for longer than the timeout."""


def open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def acquire(path: Path, *, timeout: float, shared: bool = False) -> int:
    """Return a descriptor that holds the lock until the descriptor and its inherited copies are closed."""
    deadline = time.monotonic() + timeout
    descriptor = open_lock(path)
    while not try_lock(descriptor, shared=shared):
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise LockBusyError(str(path))
        time.sleep(POLL_SECONDS)
    return descriptor


def is_held(path: Path) -> bool:
    """Return whether a process holds the lock exclusively; the check takes a shared lock, so checks never collide."""
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
