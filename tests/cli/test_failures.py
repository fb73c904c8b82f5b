"""Each message of a command that fails has the prefix `accord: `, which tells it from the lines of the log."""

import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import accord
from accord.cli.main import COMMANDS
from accord.cli.parser import Parser

NEEDS_THE_BUNDLE = "bundle.json is missing: run `accord contract generate`, or install the package again."
FAILING = {
    "serve": "These settings are refused:",
    "gateway": "These settings are refused:",
    "worker": "These settings are refused:",
    "doctor": "These settings are refused:",
    "db upgrade": "These settings are refused:",
    "db check": "These settings are refused:",
    "db seed --email a@example.com": "These settings are refused:",
    "journal verify": "These settings are refused:",
    "journal prune --before 2026-01-01": "These settings are refused:",
    "journal drop-reader accounts.after_users_created": "These settings are refused:",
    "inbox": "These settings are refused:",
    "jobs list": "These settings are refused:",
    "jobs retry cleanUpExpired": "These settings are refused:",
    "jobs run cleanUpExpired": "These settings are refused:",
    "mail test ada@example.com": "These settings are refused:",
    "new --job remindOfNote --domain notes": "The folder openapi/ is missing here.",
    "new notes addNote --method post --path /api/v1/notes": "The folder openapi/ is missing here.",
    "new record tasks title:text": "The folder openapi/ is missing here.",
    "contract generate": "The folder openapi/ is missing here.",
    "contract verify": "The folder openapi/ is missing here.",
    "contract lint": NEEDS_THE_BUNDLE,
    "contract lint-external": "openapi is missing here: run this in a checkout",
    "contract try-generators": "openapi is missing here: run this in a checkout",
    "contract compare": "openapi is missing here: run this in a checkout",
    "contract release": "openapi is missing here: run this in a checkout",
    "contract openapi-3.1": NEEDS_THE_BUNDLE,
    "settings generate": "docs is missing here: run this in a checkout",
    "settings verify": "docs is missing here: run this in a checkout",
    "sdk generate": "clients/generate.py is missing here: run this in a checkout",
    "sdk verify": "clients/generate.py is missing here: run this in a checkout",
    "sdk package dist": "clients/package.py is missing here: run this in a checkout",
}
"""Each command, and what it says in a package without the contract, outside a checkout, with PORT=none."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The folder of an installed package, without the contract."""
    folder = tmp_path_factory.mktemp("lib") / "site-packages"
    shutil.copytree(
        Path(accord.__file__).parent,
        folder / "accord",
        ignore=shutil.ignore_patterns("__pycache__", "bundle.json"),
    )
    return folder


@pytest.mark.parametrize(("typed", "reason"), FAILING.items(), ids=list(FAILING))
def test_the_message_has_the_prefix_and_details_are_indented(installed, tmp_path, typed, reason):
    done = subprocess.run(
        [sys.executable, "-m", "accord", *typed.split()],
        env={"PYTHONPATH": str(installed), "PORT": "none"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode in {1, 2}
    first, *others = done.stderr.splitlines()
    assert first.startswith(f"accord: {reason}")
    assert [line for line in others if not line.startswith(("accord: ", "  "))] == []


def test_every_command_is_among_them():
    commands = set()
    for name in COMMANDS:
        parser = Parser(name)
        import_module(f"accord.cli.{name.replace('--', '').replace(' ', '_')}").define(parser)
        nested = re.findall(r"^    ([a-z][\w.-]*)", parser.format_help(), re.MULTILINE)
        commands |= {f"{name} {each}" for each in nested} or {name}

    assert {max((name for name in commands if f"{typed} ".startswith(f"{name} ")), key=len) for typed in FAILING} == (
        commands
    )
