"""The scenarios that both SDKs pass, with the TypeScript SDK; and again through prism, which holds it to the contract.

Live updates go over a socket, which prism does not know; the scenarios without them go through it.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typescript_sdk import CLIENTS, FOLDER, attempt, built, node_tools

from accord.contract import bundle

SCENARIOS = json.loads((CLIENTS / "conformance.json").read_text("utf-8"))["scenarios"]
START_TIMEOUT = 60.0


def expected_lines() -> list[str]:
    """Return what a run prints in which all is well."""
    lines = [f"ok  {scenario['name']}: {name}" for scenario in SCENARIOS for name in _checks(scenario["steps"])]
    return [*lines, f"{len(lines)} checks, 0 failed"]


def _checks(steps) -> Iterator[str]:
    for step in steps:
        for part in ("meanwhile", "together", "beforeFirstChange"):
            yield from _checks(step.get(part, ()))
        if "raises" in step:
            yield step.get("check", f"raises {step['raises']}")
        elif "check" in step:
            yield step["check"]
        yield from _checks(step.get("until", ()))


def run_scenarios(*arguments: str, **environment: str) -> list[str]:
    done = attempt("node", "conformance.ts", *arguments, folder=built(), **environment)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout.splitlines()


@pytest.mark.parametrize("live_over", ["socket", "stream"])
def test_every_check_passes(scenario_environment, live_over):
    assert run_scenarios(**scenario_environment, ACCORD_LIVE_OVER=live_over) == expected_lines()


def test_the_python_sdk_prints_the_same_lines(scenario_environment):
    python = CLIENTS / "python"
    environment = {**os.environ, "PYTHONPATH": str(python / "src"), **scenario_environment}

    done = subprocess.run(
        [sys.executable, python / "conformance.py"], env=environment, capture_output=True, text=True, check=False
    )

    assert done.stdout.splitlines() == expected_lines(), done.stderr


def test_a_check_that_does_not_hold_fails_and_the_next_scenario_runs(service, tmp_path):
    wrong = [{"check": "one is two", "that": 1, "equals": 2}, {"check": "never made", "that": 1, "equals": 1}]
    scenarios = [{"name": "wrong", "steps": wrong}, {"name": "right", "steps": wrong[1:]}]
    (tmp_path / "scenarios.json").write_text(json.dumps({"scenarios": scenarios}))

    done = attempt("node", "conformance.ts", str(tmp_path / "scenarios.json"), folder=built(), ACCORD_URL=service.url)

    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "FAILED wrong: one is two",
        "FAILED wrong: never made",
        "ok  right: never made",
        "3 checks, 2 failed",
    ]


def test_requests_and_responses_of_the_sdk_fit_the_contract(service, scenario_environment, tmp_path):
    scenarios = [scenario for scenario in SCENARIOS if not any(map(_follows, scenario["steps"]))]
    (tmp_path / "scenarios.json").write_text(json.dumps({"scenarios": scenarios}), "utf-8")

    with prism(service.url, tmp_path / "prism.log") as url:
        lines = run_scenarios(str(tmp_path / "scenarios.json"), **(scenario_environment | {"ACCORD_URL": url}))
        said = written(url, tmp_path / "prism.log")

    refused = [step.get("raises") for scenario in scenarios for step in scenario["steps"]]
    assert len(lines) > 50
    assert said.count("The upstream call to") > 50, said
    # Nothing but what the scenarios send wrong on purpose: without a token, and an empty name.
    assert [line for line in violations(said) if "request.body.firstName" not in line] == [
        "request Invalid security scheme used" for kind in refused if kind == "Unauthorized"
    ]


def _follows(step) -> bool:
    return "follow" in step or step.get("cache") == "followList"


def test_the_proxy_finds_what_does_not_fit(service, tmp_path):
    with prism(service.url, tmp_path / "prism.log") as url:
        httpx.post(f"{url}/api/v1/auth/login", json={"email": "ada@example.com"}, timeout=START_TIMEOUT)
        said = written(url, tmp_path / "prism.log")

    assert "request.body Request body must have required property 'password'" in violations(said)


def violations(said: str) -> list[str]:
    """Return the lines in which prism says that something does not fit."""
    return re.findall(r"Violation: (.*)", said)


def written(url: str, log: Path) -> str:
    """Return the lines of prism about the requests until now: they are in order, and may come after a response."""
    httpx.get(f"{url}/the-last-request", timeout=START_TIMEOUT)
    return wait_for(log, "(?s)(.*)the-last-request")[1]


def wait_for(log: Path, pattern: str) -> re.Match[str]:
    deadline = time.monotonic() + START_TIMEOUT
    while (found := re.search(pattern, log.read_text("utf-8"))) is None:
        assert time.monotonic() < deadline, log.read_text("utf-8")
        time.sleep(0.05)
    return found


@contextmanager
def prism(upstream: str, log: Path) -> Iterator[str]:
    """Run prism before the service; it compares what passes with the bundle, and writes down what does not fit."""
    script = FOLDER / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
    node_tools.install()
    places = (bundle.path(), upstream, "--port", "0", "--host", "127.0.0.1")
    command = [node_tools.program("node"), script, "proxy", *places]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True) as process,
    ):
        try:
            yield wait_for(log, r"is listening on (http://127\.0\.0\.1:\d+)")[1]
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # `node` may be a script that starts another program
