import ast
import copy
import inspect
import json
import os
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest
from accord_client import UNSET, Accord, AsyncAccord
from accord_client.generated import metadata, models
from accord_client.generated.operations import AsyncOperations, Operations
from accord_client.generated.types import read_time, write_time

from accord.contract import bundle

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "clients" / "python"
PACKAGE = CLIENT / "src" / "accord_client"
FILES = sorted(PACKAGE.rglob("*.py"))


def operations():
    return [
        operation
        for item in bundle.load()["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    ]


def snake_case(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def test_generated_files_are_current():
    verified = subprocess.run(
        [sys.executable, "-m", "accord", "sdk", "verify", "python"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


def pyright(project):
    checked = subprocess.run(
        [sys.executable, "-m", "pyright", "--project", project],
        env={**os.environ, "PYRIGHT_PYTHON_GLOBAL_NODE": "0", "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return checked.stdout.splitlines()


def test_pyright_finds_nothing():
    *found, total = pyright(CLIENT)

    assert total == "0 errors, 0 warnings, 0 informations", found


USE = """
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

from accord_client import Accord, AsyncAccord, Resync, list_key, record_key
from accord_client.models import Change, Message, RecordPointer, SetOperation, UpdateMe, User


async def right(accord: AsyncAccord, conversation: UUID) -> None:
    me: User = await accord.get_me()
    messages: AsyncIterator[Message] = accord.iterate(accord.list_messages, conversation, limit=50)
    users: AsyncIterator[User] = accord.iterate(accord.list_users, search="ada")
    saved: User = await accord.update_with_retry(
        accord.get_me, lambda me: accord.update_me(UpdateMe(expected_version=me.version))
    )
    async with accord.live.follow("key") as changes:
        async for change in changes:
            either: Change | Resync = change
            print(either, me, messages, users, saved)
    async with accord.live.follow(record_key("users", me.id), list_key(me.id, "conversations")):
        await accord.cache().load([RecordPointer(table="conversations", id=conversation)])
    title = SetOperation(table="conversations", id=conversation, path="title", value="Plans")
    await accord.cache().transact([title])


def waiting(accord: Accord, conversation: UUID) -> None:
    me: User = accord.get_me()
    messages: Iterator[Message] = accord.iterate(accord.list_messages, conversation, limit=50)
    saved: User = accord.update_with_retry(
        accord.get_me, lambda me: accord.update_me(UpdateMe(expected_version=me.version))
    )
    with accord.live.follow("key") as changes:
        either: Change | Resync = next(changes)
    print(me, messages, saved, either)


async def wrong(accord: AsyncAccord, conversation: UUID) -> None:
    await accord.update_me({"expectedVersion": 1})
    await accord.get_user("not a UUID")
    accord.iterate(accord.list_messages, conversation, limit="many")
    accord.iterate(accord.get_me)
    UpdateMe(first_name="Ada")
    me = await accord.get_me()
    me.nickname
    accord.iterate(accord.list_messages, conversation, limmit=2)
    accord.cache().follow("user", me.id)
    accord.cache().get("user", me.id)
    record_key("user", me.id)
    list_key(me.id, "conversation")
    SetOperation(table="conversation", id=me.id, path="title", value="Plans")
    SetOperation(table="conversations", id=me.id, path="titel", value="Plans")
    RecordPointer(table="message", id=me.id)
"""


def test_right_use_has_types_and_wrong_use_is_found(tmp_path):
    (tmp_path / "use.py").write_text(USE.lstrip("\n"), "utf-8")
    settings = {"typeCheckingMode": "strict", "pythonVersion": "3.10", "extraPaths": [str(CLIENT / "src")]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), "utf-8")

    found = pyright(tmp_path)

    lines = USE.lstrip("\n").splitlines()
    first_wrong = next(number for number, line in enumerate(lines, 1) if line.startswith("async def wrong")) + 1
    errors = {int(number) for line in found if (number := (re.findall(r"use\.py:(\d+):", line) or [0])[0])}
    assert errors == {first_wrong + line for line in (0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14)}, found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_no_public_type_is_any(file):
    found = [
        f"{file.name}:{node.lineno}"
        for node in public_definitions(ast.parse(file.read_text("utf-8")))
        for annotation in annotations(node)
        if re.search(r"\bAny\b", ast.unparse(annotation))
    ]

    assert found == []


def public_definitions(node):
    """Yield public functions, methods and fields, of public classes only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.AnnAssign | ast.FunctionDef | ast.AsyncFunctionDef):
            name = ast.unparse(child.target) if isinstance(child, ast.AnnAssign) else child.name
            if not name.startswith("_") or name.startswith("__"):
                yield child
        elif isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from public_definitions(child)


def annotations(node):
    if isinstance(node, ast.AnnAssign):
        return [node.annotation]
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    given = [argument.annotation for argument in every if argument is not None and argument.arg not in {"self", "cls"}]
    assert None not in given, f"{node.name} has an argument without a type"
    assert node.returns is not None, f"{node.name} does not say what it returns"
    return [*given, node.returns]


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation["operationId"])
def test_every_operation_is_a_method_of_both_clients_with_the_words_of_the_contract(operation):
    name = snake_case(operation["operationId"])

    for client in (AsyncAccord, Accord):
        documentation = " ".join(inspect.getdoc(getattr(client, name)).split())
        assert documentation.startswith(f"{operation['summary']}.")
        assert " ".join(operation["description"].split()) in documentation


def methods():
    """Return the names of all methods; an operation that a job can run has one more, which starts the job."""
    names = {snake_case(operation["operationId"]) for operation in operations()}
    return names | {f"start_{snake_case(one['operationId'])}" for one in operations() if "x-async" in one}


def test_no_method_is_left_from_an_operation_that_is_gone():

    for base in (AsyncOperations, Operations):
        assert {name for name in vars(base) if not name.startswith("_")} == methods()


def test_an_operation_that_a_job_can_run_has_a_method_of_its_own_that_starts_the_job():
    for client in (AsyncAccord, Accord):
        waits, starts = (inspect.signature(getattr(client, name)) for name in ("verify_audit", "start_verify_audit"))
        assert (waits.return_annotation, starts.return_annotation) == ("AuditVerdict", "AcceptedJob")
        assert list(waits.parameters) == ["self"]
        assert list(starts.parameters) == ["self", "idempotency_key"]


def test_facts_name_operations():
    assert methods() >= metadata.ANONYMOUS | metadata.FOR_ANYBODY | metadata.KEYED | metadata.REPEATABLE
    assert {"apply_transaction", "query_records", "refresh", "get_me"} <= metadata.REPEATABLE
    assert "update_me" not in metadata.REPEATABLE


@pytest.mark.parametrize("name", [name for name in models.__all__ if isinstance(getattr(models, name), type)])
def test_annotations_resolve_at_run_time(name):
    assert typing.get_type_hints(getattr(models, name)) is not None


def test_a_model_goes_to_the_wire_and_back():
    wire = {
        "transactionId": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        "operations": [
            {"op": "create", "table": "t", "id": "6f9619ff-8b86-4d01-b42d-00cf4fc964fe", "record": {"title": "x"}},
            {"op": "setNow", "table": "t", "id": "6f9619ff-8b86-4d01-b42d-00cf4fc964fe", "path": "at"},
            {"op": "set", "table": "t", "id": "6f9619ff-8b86-4d01-b42d-00cf4fc964fe", "path": "a", "value": None},
        ],
        "expectedVersions": {"t": {"6f9619ff-8b86-4d01-b42d-00cf4fc964fe": 1}},
    }

    transaction = models.ApplyTransaction.from_dict(wire)

    assert [type(operation).__name__ for operation in transaction.operations] == [
        "CreateOperation",
        "SetNowOperation",
        "SetOperation",
    ]
    assert transaction.to_dict() == wire
    assert json.dumps(transaction.to_dict())


def test_unset_fields_are_not_sent_and_null_is():
    change = models.UpdateUser(expected_version=1, first_name="Ada")

    assert change.to_dict() == {"expectedVersion": 1, "firstName": "Ada"}
    assert change.last_name is UNSET
    assert not change.last_name
    operation = models.SetOperation(table="t", id="x", path="p", value=None)
    assert operation.to_dict()["value"] is None


def test_an_unset_field_stays_unset_in_copies():
    change = models.UpdateUser(expected_version=1, first_name="Ada")

    for again in (copy.copy(change), copy.deepcopy(change)):
        assert again.last_name is UNSET
        assert again == change


def test_fields_that_come_later_are_no_error():
    read = models.Message.from_dict(
        {
            "id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            "conversationId": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            "authorId": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            "text": "Hello",
            "createdAt": "2026-01-31T09:30:00.000001Z",
            "updatedAt": "2026-01-31T09:30:00.000000Z",
            "version": 1,
            "mood": "good",
        }
    )

    assert write_time(read.created_at) == "2026-01-31T09:30:00.000001Z"


def test_times_are_exact():
    assert write_time(read_time("2026-01-31T09:30:00.000001Z")) == "2026-01-31T09:30:00.000001Z"


def test_hand_written_files_are_short():
    lengths = {file.name: len(file.read_text("utf-8").splitlines()) for file in FILES if file.parent == PACKAGE}

    assert {name: length for name, length in lengths.items() if length >= 400} == {}
