"""`python -m benchmarks [PART]… [--quick] [--row NAME]… [--rounds N] [--output FOLDER] [--profile]`.

A part is a row, or all rows whose names begin with its name: `jobs` is `jobs_enqueue`, `jobs_throughput` and so on.
"""

import argparse
import pkgutil
import shlex
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import machine, profiles, report, rows
from benchmarks.stage import Effort, Stage

RESULTS = Path(__file__).parents[2] / "benchmarks"


def all_rows() -> list[Any]:
    """Return the `ROW` of every file in `rows/`, in the order of the table."""
    found = [import_module(f"benchmarks.rows.{module.name}").ROW for module in pkgutil.iter_modules(rows.__path__)]
    return sorted(found, key=lambda row: row.order)


def main() -> int:
    """Measure, print the table, and write it unless the run is a quick or a partial one."""
    known = all_rows()
    parser = _parser([row.id for row in known])
    chosen = parser.parse_args()
    parts = [*chosen.part, *(chosen.row or ())]
    for part in parts:
        if not any(_is_part(row.id, part) for row in known):
            parser.error(f"no row begins with {part}; there are {', '.join(row.id for row in known)}")
    measured = [row for row in known if not parts or any(_is_part(row.id, part) for part in parts)]
    effort = Effort.quick() if chosen.quick else Effort(rounds=chosen.rounds)
    if chosen.profile:
        _profile(measured, effort)
        return 0
    started = time.monotonic()
    with Stage(effort) as stage:
        reports = []
        for row in measured:
            print(f"measuring: {row.title} …", flush=True)
            reports.append(row.measure(stage).to_json())
            print(report.lines(reports[-1]), flush=True)
    results = {
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - started),
        "effort": vars(effort),
        "machine": machine.description(),
        "rows": reports,
    }
    folder = chosen.output or (None if chosen.quick or len(measured) < len(known) else RESULTS)
    if folder is not None:
        report.write(results, folder)
    return 0 if all(figure["holds"] is not False for row in reports for figure in row["figures"]) else 1


def _profile(chosen: list[Any], effort: Effort) -> None:
    """Print a profile of Accord for each row."""
    for row in chosen:
        with tempfile.TemporaryDirectory(prefix="accord-profile-") as folder:
            file = Path(folder) / "profile"
            with Stage(effort, profile=file) as stage:
                row.measure(stage)
            print(f"\n{row.title}\n\n{profiles.table(file)}", flush=True)


def _is_part(row: str, part: str) -> bool:
    return row == part or row.startswith(f"{part}_")


def _parser(ids: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("benchmarks", description=__doc__)
    parser.add_argument("part", nargs="*", help="only these rows, or the rows whose names begin so")
    parser.add_argument("--quick", action="store_true", help="one short round, for development; writes no results")
    parser.add_argument("--row", action="append", choices=ids, help="only this row; may be repeated")
    parser.add_argument("--rounds", type=int, default=Effort.rounds)
    parser.add_argument("--profile", action="store_true", help="print where Accord spends the time of each row")
    parser.add_argument("--output", type=Path, help="folder for results.json, results.md and results.svg")
    return parser


if __name__ == "__main__":
    sys.exit(main())
