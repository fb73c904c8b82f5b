import json
import os
import subprocess
import sys
from pathlib import Path

CLIENTS = Path(__file__).parents[2] / "clients"


def test_every_scenario_passes(scenario_environment, capsys):
    done = subprocess.run(
        [sys.executable, CLIENTS / "python" / "conformance.py"],
        env={**os.environ, "PYTHONPATH": str(CLIENTS / "python" / "src"), **scenario_environment},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )

    with capsys.disabled():
        sys.stdout.write(f"\n{done.stdout}")
    assert done.returncode == 0, done.stderr
    *lines, total = done.stdout.splitlines()
    assert total == f"{len(lines)} checks, 0 failed"
    scenarios = json.loads((CLIENTS / "conformance.json").read_text("utf-8"))["scenarios"]
    assert {line[4:].split(":")[0] for line in lines} == {scenario["name"] for scenario in scenarios}
    assert all(line.startswith("ok  ") for line in lines)
