"""The `x-` members of the authored files: openapi/extensions.schema.json has them all, and the merge refuses others."""

import json
from typing import Any

import jsonschema_rs
import pytest

from accord.contract import bundle
from accord.contract.tools import extensions
from accord.contract.tools.sources import read

SCHEMA = json.loads(extensions.FILE.read_text("utf-8"))
EXTENSIONS = [
    (place, name)
    for place in extensions.PLACES
    for name in SCHEMA["$defs"][place]["properties"]
    if name.startswith("x-")
]


def file_with(place: tuple[str, ...], member: str, value: Any) -> dict[str, Any]:
    """Return a domain file with one member at a place."""
    node: Any = {member: value}
    for step in reversed(place):
        node = [node] if step == "0" else {step: node}
    return node


OPERATION = ("paths", "/api/v1/notes", "get")
PARAMETER = (*OPERATION, "parameters", "0")
NOTE = ("components", "schemas", "Note")
TEXT = (*NOTE, "properties", "text")


@pytest.mark.parametrize(
    ("place", "member", "value", "message"),
    [
        (OPERATION, "x-permision", "self", "/paths/~1api~1v1~1notes/get has 'x-permision'; write x-permission, or"),
        (OPERATION, "x-record", {}, "has 'x-record'; it stands at a schema."),
        (OPERATION, "x-colour", "red", "has 'x-colour'; it may have x-permission, x-rate-limit, x-list"),
        (PARAMETER, "x-colour", "red", "parameters/0 has 'x-colour'; no extension stands there, remove it."),
        (NOTE, "x-recod", {}, "/components/schemas/Note has 'x-recod'; write x-record, or remove it."),
        (TEXT, "x-key-formats", "uuid", "/components/schemas/Note/properties/text has 'x-key-formats'; write x-key"),
        (TEXT, "x-permission", "self", "has 'x-permission'; it stands at an operation."),
        (("paths", "/a"), "x-list", {}, "/paths/~1a has 'x-list'; it stands at an operation."),
        (OPERATION, "x-permission", "everything", "/paths/~1api~1v1~1notes/get/x-permission: "),
        (OPERATION, "x-unversioned", " ", "get/x-unversioned: "),
        (OPERATION, "x-unjournaled", None, "get/x-unjournaled: "),
        (OPERATION, "x-list", {"type": "notes", "off": "notes"}, "get/x-list has 'off'; write of, or remove it."),
        (OPERATION, "x-list", {"type": "Notes"}, "get/x-list/type: "),
        (NOTE, "x-record", {"table": "n", "read": "r", "writeable": {}}, "x-record has 'writeable'; write writable"),
        (NOTE, "x-record", {"table": "Notes", "read": "getNote"}, "x-record/table: "),
        (NOTE, "x-record", {"table": "notes"}, 'x-record: "read" is a required property; openapi/extensions'),
        (NOTE, "x-record", {"table": "n", "read": "r", "writable": {"text": "put"}}, "x-record/writable/text: "),
    ],
)
def test_an_unknown_extension_and_a_wrong_value_are_refused_with_their_place(place, member, value, message):
    [problem] = extensions.problems("domains/notes.yaml", file_with(place, member, value))

    assert problem.startswith("domains/notes.yaml: /")
    assert message in problem


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"arguments": {}}, "/remind has 'arguments'; write args, or remove it."),
        ({"args": {"type": "string"}}, '/remind/args/type: "object" was expected'),
        ({"args": {"type": "object", "properties": {}}}, '/remind/args: "additionalProperties" is a required property'),
        ({"args": {"$ref": "#/components/schemas/Note"}}, '/remind/args: "properties" is a required property'),
        ({"queue": "Mail Queue"}, "/remind/queue: "),
        ({"maxAttempts": 0}, "/remind/maxAttempts: "),
        ({"timeoutSeconds": 86_401}, "/remind/timeoutSeconds: "),
        ({"backoff": {"first": 1}}, "/remind/backoff has 'first'; it may have firstSeconds, lastSeconds."),
        ({"backoff": {"firstSeconds": 0}}, "/remind/backoff/firstSeconds: "),
        ({"every": {"cron": "0 3 * * *"}}, '/remind/every: "zone" is a required property'),
        ({"summary": " "}, "/remind/summary: "),
        ({"summary": "Remind."}, "/remind/summary: "),
        (None, "/remind: null is not of type"),
    ],
)
def test_each_member_of_a_task_has_its_values(members, message):
    task = None if members is None else {"summary": "Remind the owner of a note", **members}

    found = list(extensions.problems("domains/notes.yaml", {"x-tasks": {"remind": task}}))

    assert [problem for problem in found if problem.startswith(f"domains/notes.yaml: /x-tasks{message}")]


@pytest.mark.parametrize(
    ("kind", "members", "message"),
    [
        ("note.shared", {"schema": {"type": "object"}}, '/note.shared/schema: "$ref" is a required property'),
        ("note.shared", {"summary": "It was shared."}, "/note.shared/summary: "),
        ("note.shared", {"data": {}}, "/note.shared has 'data'; it may have summary, schema, example."),
        ("note.shared", {"example": None}, "/note.shared/example: "),
        ("shared", {}, ': "shared" does not match'),
        ("Note.shared", {}, ': "Note.shared" does not match'),
    ],
)
def test_each_member_of_an_event_has_its_values(kind, members, message):
    schema = {"$ref": "#/components/schemas/SharedNote"}
    event = {"summary": "A note was shared", "schema": schema, "example": {}, **members}

    found = list(extensions.problems("domains/notes.yaml", {"x-events": {kind: event}}))

    assert [problem for problem in found if problem.startswith(f"domains/notes.yaml: /x-events{message}")]


def test_the_name_of_a_task_is_in_camel_case():
    [found] = extensions.problems("domains/notes.yaml", {"x-tasks": {"Remind": {"summary": "Remind"}}})

    assert found.startswith('domains/notes.yaml: /x-tasks: "Remind" does not match')


def test_the_contract_has_no_other_extensions():
    for source in read(bundle.REPOSITORY / "openapi"):
        assert list(extensions.problems(source.name, source.document)) == []


@pytest.mark.parametrize(("place", "name"), EXTENSIONS)
def test_each_extension_is_described_with_an_example_that_is_valid(place, name):
    extension = SCHEMA["$defs"][place]["properties"][name]
    validator = jsonschema_rs.Draft202012Validator({**extension, "$defs": SCHEMA["$defs"]})

    assert extension["description"].endswith(".")
    assert extension["examples"]
    assert all(validator.is_valid(example) for example in extension["examples"])


def test_members_without_the_prefix_are_no_concern_of_it():
    document = file_with(NOTE, "xyz", 1) | file_with(OPERATION, "description", "x-list is a word.")

    assert list(extensions.problems("domains/notes.yaml", document)) == []
