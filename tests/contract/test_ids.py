"""A UUID is the same id in capitals, wherever a request has one; found from the contract, tomorrow's operations too."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from contract_operations import NAMED, OPERATIONS, example_body, example_query, parameters, path_of

from accord.contract import bundle
from accord.contract.ids import compile_normaliser
from accord.contract.operations import Operation
from accord.contract.references import resolve

DOCUMENT = bundle.load()
_id = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
TAKES_IDS = [o for o in OPERATIONS if any(p.schema.get("format") == "uuid" for p in o.parameters)] + [
    o for o in OPERATIONS if o.body_schema is not None and compile_normaliser(o.body_schema) is not None
]
WITH_IDS = list({operation.id: operation for operation in TAKES_IDS}.values())


def in_capitals(value: Any) -> Any:
    """Return the value with every id in it in capitals, also where ids name members."""
    if isinstance(value, dict):
        return {in_capitals(name): in_capitals(item) for name, item in value.items()}
    if isinstance(value, list):
        return [in_capitals(item) for item in value]
    return _id.sub(lambda found: found[0].upper(), value) if isinstance(value, str) else value


async def world(given) -> tuple[Any, dict[str, str]]:
    """Return an account with something of each kind, and the ids that operations are called with."""
    me = await given.an_account()
    talk = (await me.post("/api/v1/conversations", title="Plans")).json()
    said = (await me.post(f"/api/v1/conversations/{talk['id']}/messages", text="Hello")).json()
    return me, {"userId": me.id, "conversationId": talk["id"], "messageId": said["id"]}


def request_of(operation: Operation, ids: dict[str, str]) -> dict[str, Any]:
    """Return the request of the contract's examples, at the version of new records and about these ids."""
    query = example_query(operation) | {"expectedVersion": 1}
    query = {name: query[name] for name in query if name in {p.name for p in parameters(operation, "query")}}
    query |= {p.name: ids["userId"] for p in parameters(operation, "query") if p.schema.get("format") == "uuid"}
    request: dict[str, Any] = {"method": operation.method, "url": path_of(operation, **ids), "params": query}
    if operation.body_schema is not None:
        fields = with_new_ids(example_body(operation))
        known = {"expectedVersion": 1, "userId": ids["userId"], "memberIds": [], "transactionId": str(uuid4())}
        fields |= {name: value for name, value in known.items() if name in fields}
        request["json"] = fields
    return request


def with_new_ids(value: Any) -> Any:
    """Return the value with ids of its own: what one test made is taken for the next."""
    new: dict[str, str] = defaultdict(lambda: str(uuid4()))
    return json.loads(_id.sub(lambda found: new[found[0]], json.dumps(value)))


@pytest.mark.parametrize("operation", WITH_IDS, **NAMED)
async def test_ids_in_capitals_get_the_same_response(given, operation):
    responses = []
    for written in (lambda value: value, in_capitals):
        me, ids = await world(given)
        request = request_of(operation, ids)
        root = await given.root() if operation.permission not in {None, "self"} else me
        request |= {"url": written(request["url"]), "params": written(request["params"])}
        if "json" in request:
            request["json"] = written(request["json"])
        responses.append(await root.http.request(**request))

    assert responses[0].status_code == responses[1].status_code < 500
    if responses[0].content:
        same = [_id.sub("an id", response.text) for response in responses]
        assert len(same[0].split("an id")) == len(same[1].split("an id"))
    if responses[1].is_success:
        assert not re.search(r"[A-F]{2,}[0-9A-F]*-", "".join(_id.findall(responses[1].text)))


def texts(schema: Any, path: str = "", seen: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield each place of a schema that is an id, and a value of the whole that has one in capitals there."""
    name = schema.get("$ref", "")
    if name in seen:
        return
    node = resolve(DOCUMENT, schema)
    seen = (*seen, name) if name else seen
    if node.get("format") == "uuid":
        yield path or ".", str(uuid4()).upper()
    if node.get("x-key-format") == "uuid":
        yield f"{path}.<id>", {str(uuid4()).upper(): 1}
    for inner, step, value_of in parts_of(node):
        for where, value in texts(inner, path + step, seen):
            yield where, value_of(value)


def parts_of(node: Any) -> Iterator[tuple[Any, str, Any]]:
    """Yield the schemas within one, how their places are written, and what makes a value of the whole."""
    for branch in (branch for kind in ("oneOf", "anyOf", "allOf") for branch in node.get(kind, ())):
        yield branch, "", lambda value: value
    for name, inner in node.get("properties", {}).items():
        yield inner, f".{name}", lambda value, name=name: {name: value}
    if "items" in node:
        yield node["items"], "[]", lambda value: [value]
    if isinstance(node.get("additionalProperties"), dict):
        yield node["additionalProperties"], ".*", lambda value: {"some": value}


def test_every_id_in_every_body_is_made_small():
    places = [(o.id, where, o, value) for o in OPERATIONS if o.body_schema for where, value in texts(o.body_schema)]
    assert {(id_, where) for id_, where, _, _ in places} >= {
        ("addMember", ".userId"),
        ("applyTransaction", ".transactionId"),
        ("applyTransaction", ".operations[].id"),
        ("applyTransaction", ".expectedVersions.*.<id>"),
        ("createConversation", ".memberIds[]"),
        ("queryRecords", ".pointers[].id"),
    }
    for id_, where, operation, value in places:
        normalise = compile_normaliser(operation.body_schema)
        assert normalise is not None, (id_, where)
        made = normalise(value)
        assert not _id.search(str(made)) or str(made) == in_small(str(made)), (id_, where, made)


def in_small(text: str) -> str:
    return _id.sub(lambda found: found[0].lower(), text)


@pytest.mark.parametrize(
    "value", [None, 5, "x", [], {}, [5], {"id": 5}, {"pointers": 5}, {"pointers": [5, {"id": []}]}]
)
def test_values_of_another_shape_are_left_to_the_validators(value):
    for operation in OPERATIONS:
        normalise = compile_normaliser(operation.body_schema or {})
        if normalise is not None:
            assert normalise(value) == value
