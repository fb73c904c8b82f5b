"""Cold start: from the command to the first response, with everything embedded, and how much memory that takes."""

import http.client
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.machine import EVERYWHERE, resident_mib
from benchmarks.measure import Figure, Report
from benchmarks.programs import Program
from benchmarks.stage import Stage, ask, free_port


@dataclass(frozen=True)
class ColdStart:
    id: str = "cold_start"
    order: int = 7
    title: str = "Cold start to the first response"

    def measure(self, stage: Stage) -> Report:
        fresh: list[float] = []
        existing: list[float] = []
        resident: dict[str, list[float]] = {}
        for number in range(stage.effort.rounds):
            data = stage.folder / f"cold-{number}"
            fresh.append(_start(stage, data, {}))
            existing.append(_start(stage, data, resident))
            shutil.rmtree(data)
        figures = [
            Figure("fresh data folder", fresh, 10, "less", "s"),
            Figure("existing data folder", existing, 2, "less", "s"),
            *(Figure(f"resident: {name}", values, 150, "less", "MiB") for name, values in resident.items()),
        ]
        return Report(self.id, self.title, {}, {}, figures, ["`accord serve` with PostgreSQL and NATS embedded."])


ROW = ColdStart()


def _start(stage: Stage, data: Path, resident: dict[str, list[float]]) -> float:
    """Return the seconds until the first response; note what is resident after a few hundred requests."""
    port = free_port()
    alone = {"DATABASE_URL": "", "NATS_URL": "", "DATA_DIR": str(data)}
    started = time.perf_counter()
    environment = {name: value for name, value in (stage.environment | alone).items() if value}
    program = Program(
        "accord", "serve", "--port", str(port), folder=stage.folder, environment=environment, cores=EVERYWHERE
    )
    try:
        while not _responds(port):
            assert program.process.poll() is None, program.log.read_text()
            time.sleep(0.005)
        seconds = time.perf_counter() - started
        for _ in range(300):
            ask(port, "GET", "/api/v1/meta/version")
        for name, size in _sizes(program.pid).items():
            resident.setdefault(name, []).append(size)
    finally:
        program.stop()
    return seconds


def _responds(port: int) -> bool:
    with suppress(OSError, http.client.HTTPException):
        return ask(port, "GET", "/api/v1/meta/version")[0] == 200
    return False


def _sizes(pid: int) -> dict[str, float]:
    """Return the resident memory of the server, and of the largest process of each server it started."""
    sizes = {"accord": resident_mib(pid)}
    for child in psutil.Process(pid).children(recursive=True):
        name = child.name()
        sizes[name] = max(sizes.get(name, 0.0), resident_mib(child.pid))
    return sizes
