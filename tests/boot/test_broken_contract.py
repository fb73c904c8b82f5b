"""C-3: when contract and flows do not fit together nothing starts, and everything that is wrong is listed at once."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes import once
from running import ENVIRONMENT, Service

pytestmark = once
ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the source tree."""
    for folder in ("src", "openapi"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def start(copy: Path, service: Service, command: str = "serve") -> str:
    """Start the copy beside the running service, which it must not get to; return what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "accord", command, *(["--port", "0"] if command == "serve" else [])],
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(copy / "src"), "DATA_DIR": str(service.folder / "data")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def change_bundle(copy: Path, change: Callable[[dict[str, Any]], object]) -> None:
    file = copy / "openapi" / "bundle.json"
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def test_every_mismatch_of_contract_and_flows_is_listed_at_once(copy, service):
    flows = copy / "src" / "accord" / "flows"
    (flows / "accounts" / "update_me.py").unlink()
    (flows / "accounts" / "rename_everybody.py").write_text("async def rename_everybody(context): ...\n")
    (flows / "meta" / "get_version.py").write_text("async def get_version(context, colour): ...\n")
    (flows / "meta" / "echo.py").write_text("def echo(context, body: ...\n")

    def break_laws(document) -> None:
        del document["paths"]["/api/v1/me"]["get"]["summary"]
        del document["paths"]["/api/v1/users"]["post"]["x-permission"]

    change_bundle(copy, break_laws)

    said = start(copy, service)

    assert "updateMe: has no flow; write src/accord/flows/accounts/update_me.py" in said
    assert "flows/accounts/rename_everybody.py: has no operation in the contract" in said
    assert "getVersion: its flow takes ['colour']" in said
    assert "echo: flows/meta/echo.py cannot be imported" in said
    assert "getMe" in said
    assert "summary" in said
    assert "createUser" in said
    assert "x-permission" in said


def test_a_worker_refuses_likewise(copy, service):
    (copy / "src" / "accord" / "flows" / "auth" / "logout.py").unlink()

    assert "logout: has no flow" in start(copy, service, "worker")


def test_an_operation_that_cannot_be_read_is_named(copy, service):
    change_bundle(copy, lambda document: document["paths"]["/api/v1/me"]["get"].pop("operationId"))

    assert "/api/v1/me" in start(copy, service)


def test_a_bundle_that_is_not_json_or_not_there_says_how_to_make_it(copy, service):
    bundle = copy / "openapi" / "bundle.json"
    bundle.write_text("{")
    assert "is not JSON" in start(copy, service)

    bundle.unlink()
    assert "run `accord contract generate`" in start(copy, service)


def break_text(copy: Path, name: str, old: str, new: str) -> None:
    file = copy / "src" / "accord" / "flows" / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_record_functions_and_paths_are_checked(copy, service):
    break_text(copy, "conversations/rules.py", "async def writable_messages(", "async def writable_mesages(")
    break_text(copy, "conversations/rules.py", "def lists_of_messages(row: Any)", "def lists_of_messages()")

    def let_names_be_written(document) -> None:
        user = document["components"]["schemas"]["User"]
        user["properties"]["nickname"] = {"type": "string", "maxLength": 9}
        user["x-record"] = {"table": "users", "read": "getUser", "writable": {"nickname": "set"}}

    change_bundle(copy, let_names_be_written)

    said = start(copy, service)

    assert (
        "messages: flows/conversations/rules.py must define `async def writable_messages(tx, caller, ids)`;"
        " it has writable_mesages"
    ) in said
    assert "flows/conversations/rules.py: writable_mesages is for no table of a record" in said
    assert "must define `def lists_of_messages(row)`, and has another lists_of_messages" in said
    assert "users: flows/accounts/rules.py must define `async def writable_users(tx, caller, ids)`" in said
    assert "users: has no column nickname for the writable path nickname" in said


def test_a_writable_path_that_the_record_does_not_have_is_told(copy, service):
    def break_it(document) -> None:
        writable = document["components"]["schemas"]["Conversation"]["x-record"]["writable"]
        writable |= {"titel": "set", "tags": "set", "title": "moment", "version": "set"}

    change_bundle(copy, break_it)

    said = start(copy, service)

    assert "x-record.writable.titel: the record has no such property" in said
    for path in ("tags", "title"):
        assert f"x-record.writable.{path}: a moment is a date-time that may be null" in said
    assert "x-record.writable.version: the service alone writes it" in said


@pytest.mark.parametrize(
    ("module", "broken", "reason"),
    [
        ("conversations/rules.py", "import nothing_of_that_name", "ModuleNotFoundError: No module named"),
        ("conversations/queries.py", "x = (1,", "SyntaxError: '(' was never closed"),
        ("accounts/rules.py", "x = misspelt", "NameError: name 'misspelt' is not defined"),
    ],
)
def test_a_module_that_cannot_be_imported_is_told_once_with_its_line(copy, service, module, broken, reason):
    file = copy / "src" / "accord" / "flows" / module
    file.write_text(f"{file.read_text()}\n\n{broken}\n")
    line = len(file.read_text().splitlines())

    said = start(copy, service)

    assert f"flows/{module} cannot be imported: line {line}: {reason}" in said
    assert said.count("cannot be imported") == 1
