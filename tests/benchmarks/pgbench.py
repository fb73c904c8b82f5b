"""pgbench, which comes with the embedded PostgreSQL's package, as the limit program of writes."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from accord.database.statement import Statement
from accord.embedded.postgres import EmbeddedPostgres
from benchmarks.machine import SERVER, cpu_seconds, pinned_to
from benchmarks.measure import Sample

_done = re.compile(r"number of transactions actually processed: (\d+)").search
_tps = re.compile(r"^tps = ([\d.]+)", re.MULTILINE).search
_failed = re.compile(r"number of failed transactions: (\d+)").search
_latency = re.compile(r"latency average = ([\d.]+)").search


def as_script(statement: Statement, values: Mapping[str, str]) -> str:
    """Return the statement with pgbench's `:variable` where psycopg has `%s`; what has no variable is NULL."""
    text = statement.sql.decode()
    for name in statement._names:
        variable = values.get(name)
        text = text.replace("%s", f":{variable}" if variable else "NULL", 1)
    return " ".join(text.split())


def run(postgres: EmbeddedPostgres, script: Path, clients: int, seconds: float, variables: Mapping[str, str]) -> Sample:
    """Run the script on the server's core, as Accord would be; all statements are prepared."""
    assert postgres.pid is not None
    before = cpu_seconds([postgres.pid])
    command = [
        str(postgres._binaries / "pgbench"),
        "--no-vacuum",
        "--protocol=prepared",
        f"--client={clients}",
        f"--time={max(1, round(seconds))}",
        f"--file={script}",
        *(f"--define={name}={value}" for name, value in variables.items()),
        postgres.url,
    ]
    children = os.times()
    with pinned_to(SERVER):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = done.stdout
    count, tps, failed, latency = (find(text) for find in (_done, _tps, _failed, _latency))
    assert count is not None, text
    assert tps is not None, text
    assert latency is not None, text
    assert failed is None or failed[1] == "0", text
    after = os.times()
    own = after.children_user + after.children_system - children.children_user - children.children_system
    total = int(count[1])
    cpu = {"server": 1e6 * own / total, "postgresql": 1e6 * (cpu_seconds([postgres.pid]) - before) / total}
    return Sample(float(tps[1]), float(latency[1]), None, cpu)
