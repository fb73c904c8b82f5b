"""The benchmarks run, so that they still do when somebody wants to know."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path


def benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    tests = Path(__file__).parents[1]
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), *sys.path])},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_a_quick_run_of_one_row_compares_ours_with_the_limit_and_the_peer(tmp_path: Path):
    done = benchmarks("--quick", "--row", "get_me", "--output", str(tmp_path))

    # 1 says that an aim was missed: a busy machine and one short round say nothing about that.
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    row = json.loads((tmp_path / "results.json").read_text())["rows"][0]
    assert set(row["contenders"]) == {"limit", "ours", "peer"}
    assert all(one["per_second"]["median"] > 0 for one in row["contenders"].values())
    assert "GET /me" in (tmp_path / "results.md").read_text()
    assert (tmp_path / "results.svg").read_text().startswith("<svg")


def test_a_part_is_the_rows_whose_names_begin_so(tmp_path: Path):
    done = benchmarks("jobs_start", "--quick", "--output", str(tmp_path))
    unknown = benchmarks("nothing")

    assert done.returncode in {0, 1}, done.stdout + done.stderr
    row = json.loads((tmp_path / "results.json").read_text())["rows"][0]
    assert set(row["contenders"]) == {"ours", "paced", "peer"}
    assert all(one["per_second"]["median"] > 0 for one in row["contenders"].values())
    assert unknown.returncode == 2
    assert "jobs_enqueue, jobs_throughput, jobs_start, jobs_claim" in unknown.stderr


def test_a_profile_shows_the_functions_of_a_request_and_their_calls():
    done = benchmarks("--profile", "--rounds", "1", "--row", "json_get")

    assert done.returncode == 0, done.stderr
    assert re.search(r"^\| [\d.]+ \| \d+% \| 1\.0 \| dispatch\.py __call__ \|$", done.stdout, re.MULTILINE), done.stdout
