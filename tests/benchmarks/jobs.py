"""What the rows of jobs share: databases of their own, and programs that run once and print what they measured.

No service looks at these databases, so that nothing but the program that is measured claims a job.
"""

import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from procrastinate.schema import SchemaManager

from accord.database.migrations import runner
from benchmarks.machine import cpu_seconds, percentile
from benchmarks.measure import Run, Sample
from benchmarks.stage import Stage

SLOTS = 20
SUPPORT = Path(__file__).parents[1] / "support"
"""Where the runner of the tests is, which is the service's on a database of one's own."""
TIMEOUT = 120.0
"""Seconds that a program may take."""
ARGS = {"userId": "01980000-0000-7000-8000-000000000000"}
"""The arguments of every job, whoever runs it."""
DEFINITION = {"args": {"type": "object", "properties": {"userId": {"type": "string"}}}}


def database(stage: Stage, name: str) -> str:
    """Make a database with Accord's tables and procrastinate's; return its address."""
    url = stage.postgres.url.replace("/accord?", f"/{name}?", 1)
    with psycopg.connect(stage.postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    runner.upgrade(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path = public")
        connection.execute(SchemaManager.get_schema())
    return url


def program(stage: Stage, module: str, kind: str, url: str) -> Run:
    """Return the run of `python -m module kind`, which prints a sample; the last run of ours leaves its profile."""
    is_profiled = stage.profile is not None and kind == "ours"
    profiler = ("cProfile", "-o", str(stage.profile), "-m") if is_profiled else ()
    effort = stage.effort
    environment = {
        "DATABASE_URL": url,
        "PYTHONPATH": os.pathsep.join([stage.environment["PYTHONPATH"], str(SUPPORT)]),
        "FOLDER": str(stage.folder),
        "POSTGRES_PID": str(stage.postgres_pid()),
        "SECONDS": str(effort.seconds),
        "WARM_UP": str(effort.warm_up),
    }

    def run() -> Sample:
        started = stage.start(*profiler, module, kind, **environment)
        started.process.wait(TIMEOUT)
        return Sample(**json.loads(started.wait_for(r"(?m)^(\{.*\})$")))

    return run


@dataclass(frozen=True)
class Task:
    """What a program was told; times are in seconds."""

    url: str
    folder: Path
    seconds: float
    warm_up: float
    postgres: int

    @classmethod
    def told(cls) -> "Task":
        told = os.environ
        return cls(
            told["DATABASE_URL"],
            Path(told["FOLDER"]),
            float(told["SECONDS"]),
            float(told["WARM_UP"]),
            int(told["POSTGRES_PID"]),
        )

    @asynccontextmanager
    async def workshop(self, flows: Mapping[str, Any]) -> AsyncIterator[Any]:
        """Open Accord's parts on the database, with these tasks."""
        from job_programs import workshop  # noqa: PLC0415 - only in a program is its folder on the path

        async with workshop(self.url, self.folder, dict.fromkeys(flows, DEFINITION)) as shop:
            shop.flows = dict(flows)
            yield shop

    async def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            cursor = await connection.execute(statement.encode(), values)
            return await cursor.fetchall() if cursor.description else []

    async def measured(self, work: Callable[[], Awaitable[int]]) -> tuple[int, dict[str, float]]:
        """Return how much was done, and the CPU of each: microseconds of this process and of PostgreSQL."""
        postgres, own = cpu_seconds([self.postgres]), time.process_time()
        count = await work()
        used = {"server": time.process_time() - own, "postgresql": cpu_seconds([self.postgres]) - postgres}
        return count, {name: 1e6 * seconds / max(count, 1) for name, seconds in used.items()}


def told(per_second: float, milliseconds: list[float], cpu: dict[str, float]) -> None:
    """Print the sample that the row reads."""
    ordered = sorted(milliseconds)
    print(json.dumps(asdict(Sample(per_second, percentile(ordered, 50), percentile(ordered, 99), cpu))), flush=True)
