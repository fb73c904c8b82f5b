"""C-3: when contract and flows do not fit together nothing starts, and everything that is wrong is listed at once."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes import once
from running import ENVIRONMENT, Service
from source_copies import copy_sources

pytestmark = once


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the source tree."""
    return copy_sources(tmp_path, "src", "openapi")


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


def test_a_flow_with_the_context_of_another_kind_of_caller_is_told(copy, service):
    break_text(copy, "accounts/get_me.py", "SignedInContext", "Context")
    break_text(copy, "auth/logout.py", "Context", "SignedInContext")

    said = start(copy, service)

    assert "getMe: its flow must take `context: SignedInContext`, as the operation has an x-permission" in said
    assert "logout: its flow must take `context: Context`, as the operation has no x-permission" in said


def task(**arguments: dict[str, Any]) -> dict[str, Any]:
    """Return a task with these arguments, of which `userId` is required."""
    args = {"type": "object", "additionalProperties": False, "required": ["userId"], "properties": arguments}
    return {"x-domain": "meta", "summary": "Remind a person.", "args": args}


def test_every_task_without_its_flow_and_every_flow_without_its_task_is_told(copy, service):
    flows = copy / "src" / "accord" / "flows" / "meta"
    imports = "from accord.context import Context, JobContext\n\n\n"
    wrong = f"{imports}async def job_wrong(user_id: str, context: Context, limit: int) -> None: ...\n"
    (flows / "job_wrong.py").write_text(wrong)
    good = f"{imports}async def job_good(context: JobContext, user_id: str, limit: int = 5) -> None: ...\n"
    (flows / "job_good.py").write_text(good)
    (flows / "job_lost.py").write_text(f"{imports}async def job_lost(context: JobContext) -> None: ...\n")
    (flows / "job_named.py").write_text(f"{imports}async def job_name(context: JobContext) -> None: ...\n")
    identifier = {"$ref": "#/components/schemas/Uuid"}
    limit = {"type": "integer", "minimum": 1, "maximum": 9}
    tasks = {
        "good": task(userId=identifier, limit=limit),
        "wrong": task(userId=identifier, limit=limit, dryRun={"type": "boolean"}),
        "missing": task(userId=identifier),
        "named": {"x-domain": "meta", "summary": "Do nothing."},
    }
    change_bundle(copy, lambda document: document.update({"x-tasks": tasks}))

    said = start(copy, service)

    assert "missing: has no flow; write src/accord/flows/meta/job_missing.py" in said
    assert "flows/meta/job_lost.py: has no task in the contract; add one, or delete the file" in said
    assert "wrong: the first parameter of its flow must be `context: JobContext`" in said
    assert "wrong: its flow takes ['limit', 'user_id'], the contract gives ['dry_run', 'limit', 'user_id']" in said
    assert "wrong: its flow must give limit a default, as a job may lack the argument" in said
    assert "named: job_named.py must define `async def job_named(context, …)`" in said
    assert "good" not in said


def test_a_rate_limit_bucket_without_a_setting_is_told_with_both_names(copy, service):
    file = copy / "src" / "accord" / "contract" / "buckets.py"
    file.write_text(file.read_text().replace('"refresh", ', '"refresh", "sendInvitation", '))

    said = start(copy, service)

    assert "sendInvitation: contract/buckets.py has this rate-limit bucket" in said
    assert "no setting RATE_LIMIT_SEND_INVITATION exists" in said
    assert "declare `rate_limit_send_invitation: RateLimit` in settings/variables.py" in said


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


def test_record_types_and_paths_are_checked(copy, service):
    break_text(copy, "conversations/records.py", "    writable=rules.writable_messages,\n", "")
    break_text(copy, "conversations/records.py", "lists=rules.lists_of_message", "lists=rules.readable_conversation")
    break_text(copy, "conversations/records.py", "delete=delete_message", "delete=rules.messages_of")
    break_text(copy, "conversations/records.py", "conversation = RecordType(", "conversation = dict(")
    sessions = "sessions = RecordType(table=sessions, row=SessionRow, readable=rules.readable_users)\n"
    break_text(copy, "accounts/records.py", "import rules\n", "import rules\nfrom accord.flows.auth.tables import *\n")
    break_text(copy, "accounts/records.py", "\naccounts =", f"\n{sessions}accounts =")

    def let_names_be_written(document) -> None:
        user = document["components"]["schemas"]["User"]
        user["properties"]["nickname"] = {"type": "string", "maxLength": 9}
        user["x-record"] = {"table": "users", "read": "getUser", "writable": {"nickname": "set"}}

    change_bundle(copy, let_names_be_written)

    said = start(copy, service)

    place = "flows/conversations/records.py"
    assert f"messages: its RecordType in {place} must have writable=`async def …(tx, caller, ids)`" in said
    assert f"messages: its RecordType in {place} must have lists=`def …(row)`; readable_conversation is another" in said
    assert "must have delete=`async def …(context, record_id, expected_version)`; messages_of is another" in said
    assert f"conversations: {place} must declare `RecordType(table=conversations, …)`" in said
    assert "flows/accounts/records.py: declares a RecordType for sessions, which is no record of this domain" in said
    assert "users: its RecordType in flows/accounts/records.py must have writable=" in said
    assert "users: has no column nickname for nickname of User; add it to tables.py" in said


def test_arguments_in_another_order_and_a_domain_without_records_in_the_contract_are_told(copy, service):
    swapped = "async def swapped(context, expected_version, message_id): ...\n\n\nmessage = RecordType("
    break_text(copy, "conversations/records.py", "message = RecordType(", swapped)
    break_text(copy, "conversations/records.py", "delete=delete_message", "delete=swapped")
    flows = copy / "src" / "accord" / "flows"
    (flows / "auth" / "records.py").write_text((flows / "accounts" / "records.py").read_text())

    said = start(copy, service)

    assert "must have delete=`async def …(context, record_id, expected_version)`; swapped is another" in said
    assert "flows/auth/records.py: declares a RecordType for users, which is no record of this domain" in said


def test_a_record_type_for_which_the_contract_has_no_use_is_told(copy, service):
    def forbid_deleting(document) -> None:
        document["components"]["schemas"]["Message"]["x-record"].pop("delete")

    change_bundle(copy, forbid_deleting)

    said = start(copy, service)

    assert "messages: its RecordType in flows/conversations/records.py has delete, which its x-record does not" in said


def test_a_domain_without_records_is_told(copy, service):
    (copy / "src" / "accord" / "flows" / "accounts" / "records.py").unlink()

    said = start(copy, service)

    assert "users: flows/accounts/records.py must declare `RecordType(table=users, …)`" in said


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
        ("accounts/records.py", "RecordType(readible=1)", "TypeError: RecordType.__init__() got an unexpected keyword"),
        ("accounts/records.py", "x = rules.readable_user_s", "AttributeError: module 'accord.flows.accounts.rules'"),
    ],
)
def test_a_module_that_cannot_be_imported_is_told_once_with_its_line(copy, service, module, broken, reason):
    file = copy / "src" / "accord" / "flows" / module
    file.write_text(f"{file.read_text()}\n\n{broken}\n")
    line = len(file.read_text().splitlines())

    said = start(copy, service)

    assert f"flows/{module} cannot be imported: line {line}: {reason}" in said
    assert said.count("cannot be imported") == 1
