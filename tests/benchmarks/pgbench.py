"""pgbench, which comes with the embedded PostgreSQL's package, as the limit program of writes."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psycopg

from accord.database.migrations import runner
from accord.database.statement import Statement
from accord.embedded.postgres import EmbeddedPostgres
from benchmarks.machine import SERVER, cpu_seconds, pinned_to
from benchmarks.measure import Sample

_placeholder = re.compile(r"\$(\d+)").sub
_done = re.compile(r"number of transactions actually processed: (\d+)").search
_tps = re.compile(r"^tps = ([\d.]+)", re.MULTILINE).search
_failed = re.compile(r"number of failed transactions: (\d+)").search
_latency = re.compile(r"latency average = ([\d.]+)").search


def as_script(statement: Statement, variables: Mapping[str, str]) -> str:
    """Return the statement with pgbench's `:variable` for each `$1`; what has no variable is NULL."""
    names = [variables.get(name) for name in statement._names]
    text = _placeholder(lambda found: f":{names[int(found[1]) - 1] or 'none'}", statement.sql.decode())
    return " ".join(text.replace(":none", "NULL").split())


def separate_database(url: str) -> str:
    """Make a database like Accord's, with its users; no sequencer of Accord's follows the journal there."""
    other = url.replace("/accord?", "/bench?", 1)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE bench")
        users = connection.execute("SELECT * FROM accord.users").fetchall()
    runner.upgrade(other)
    with psycopg.connect(other) as connection:
        values = ", ".join(["%s"] * len(users[0]))
        connection.cursor().executemany(f"INSERT INTO accord.users VALUES ({values})", users)  # noqa: S608 - placeholders
    return other


def run(
    postgres: EmbeddedPostgres, url: str, script: Path, clients: int, seconds: float, variables: Mapping[str, str]
) -> Sample:
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
        url,
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
