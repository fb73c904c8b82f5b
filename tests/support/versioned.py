"""Every versioned resource, found from the contract: how one is made, read, changed and deleted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from contract_operations import DOCUMENT
from hypothesis import strategies as st

from accord.contract.operations import Operation, operations
from accord.contract.records import RecordKind, record_kinds
from accord.contract.references import resolve
from accord.security.permissions import allows, permissions_of

ROLES = ("customer", "admin", "root")


@dataclass(frozen=True)
class Resource:
    """A kind of record with the operations that make one and that change it under a version."""

    kind: RecordKind
    create: Operation
    changes: tuple[Operation, ...]

    @property
    def id_name(self) -> str:
        """The path parameter that names one, such as `userId`."""
        return id_name(self.kind)

    @property
    def role(self) -> str:
        """The least role that may do everything with it."""
        needed = [o.permission or "self" for o in (self.create, self.kind.read, *self.changes)]
        return next(role for role in ROLES if all(allows(permissions_of(role), need) for need in needed))


@cache
def resources() -> dict[str, Resource]:
    """Return the resources by table, without records such as jobs, which no client creates in a collection."""
    found: dict[str, Resource] = {}
    for table, kind in record_kinds(DOCUMENT).items():
        collection = kind.read.path.split("/")[-2]
        posts = (o for o in operations(DOCUMENT) if o.success_status == 201 and _returns(o, kind) and o.permission)
        create = next((post for post in posts if post.path.endswith(f"/{collection}")), None)
        if create is not None:
            found[table] = Resource(kind, create, tuple(_changes(kind)))
    return found


def id_name(kind: RecordKind) -> str:
    """Return the path parameter that names one, such as `userId`."""
    return next(parameter.name for parameter in kind.read.parameters if parameter.place == "path")


@cache
def made_by_the_service() -> dict[str, RecordKind]:
    """Return the kinds of records that no client creates, by table."""
    return {table: kind for table, kind in record_kinds(DOCUMENT).items() if table not in resources()}


def _changes(kind: RecordKind) -> Iterator[Operation]:
    for operation in operations(DOCUMENT):
        is_versioned = "expectedVersion" in _required(operation)
        if is_versioned and (_returns(operation, kind) or _deletes(operation, kind)):
            yield operation


def _required(operation: Operation) -> set[str]:
    body = resolve(DOCUMENT, operation.body_schema or {})
    return set(body.get("required", ())) | {p.name for p in operation.parameters if p.required}


def _returns(operation: Operation, kind: RecordKind) -> bool:
    return (operation.success_schema or {}).get("$ref", "").endswith(f"/{kind.schema}")


def _deletes(operation: Operation, kind: RecordKind) -> bool:
    return operation.method == "DELETE" and operation.path == kind.read.path


def unowned_versioned_operations() -> list[Operation]:
    """Return what requires expectedVersion and belongs to no resource: it needs tests of its own."""
    owned = {operation.id for resource in resources().values() for operation in resource.changes}
    return [o for o in operations(DOCUMENT) if "expectedVersion" in _required(o) and o.id not in owned]


def bodies(operation: Operation, known_ids: Mapping[str, str]) -> st.SearchStrategy[dict[str, Any]]:
    """Return bodies that fit the contract, without the version; fields that name others name those who exist."""
    schema = resolve(DOCUMENT, operation.body_schema or {})
    fields = {
        name: st.just(known_ids[name]) if name in known_ids else _values(value)
        for name, value in schema.get("properties", {}).items()
        if name != "expectedVersion"
    }
    required = {name: values for name, values in fields.items() if name in schema.get("required", ())}
    optional = {name: values for name, values in fields.items() if name not in required}
    least = schema.get("minProperties", 1) - 1
    return st.fixed_dictionaries(required, optional=optional).filter(lambda body: len(body) >= least)


def _values(node: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that fit a schema; which texts are refused is for other tests."""
    schema = resolve(DOCUMENT, node)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    match schema["type"]:
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema["minimum"], schema["maximum"])
        case "number":
            return st.integers(-1000, 1000).map(lambda number: number / 8)
        case "array":
            return st.lists(_values(schema["items"]), max_size=3, unique=True)
        case _:
            return st.text("abcdefgh", min_size=1, max_size=8)


FORMATS = {
    "date": st.dates().map(str),
    "date-time": st.datetimes().map(lambda at: f"{at.isoformat(timespec='microseconds')}Z"),
    "uuid": st.uuids().map(str),
}
