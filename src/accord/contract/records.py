"""Records and lists that clients name by key: `getRecord:{table}:{id}` and `getList:{ownerId}:{listType}`.

The contract says which there are: `x-record: {table, read}` on a record's schema names the operation that reads one,
`x-list: {type}` on an operation the list of its caller that it reads, `x-list: {type, of}` the list that a record of
the table `of` has; who may read that record may follow its list. `x-record: {of: {table, by}}` names the record that
one must be able to read to read this one, and the field with its id: a caller who loses that one loses this.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from accord.contract.bundle import load
from accord.contract.ids import UUID
from accord.contract.names import snake_case
from accord.contract.operations import Operation, operations

_record_key = re.compile(rf"getRecord:([a-z][a-z0-9_]{{0,62}}):({UUID})").fullmatch
_list_key = re.compile(rf"getList:({UUID}):([a-z][A-Za-z0-9]{{0,62}})").fullmatch


class RecordKey(NamedTuple):
    """One record."""

    table: str
    id: str

    def __str__(self) -> str:
        """Return the key as it is on the wire and in the journal."""
        return f"getRecord:{self.table}:{self.id}"


class ListKey(NamedTuple):
    """One list of one owner."""

    owner_id: str
    type: str

    def __str__(self) -> str:
        """Return the key as it is on the wire and in the journal."""
        return f"getList:{self.owner_id}:{self.type}"


Key = RecordKey | ListKey


@dataclass(frozen=True, slots=True)
class RecordKind:
    """A kind of record; `read` is the operation that reads one."""

    table: str
    schema: str
    read: Operation
    definition: Mapping[str, Any]

    @property
    def writable(self) -> Mapping[str, str]:
        """The paths that transactions may write, each with its kind: `set`, `moment` or `list`."""
        return self.definition.get("writable", {})

    @property
    def create_schema(self) -> Mapping[str, Any] | None:
        """The fields with which a transaction creates one; None where no transaction can."""
        return self.definition.get("create")

    @property
    def can_be_deleted(self) -> bool:
        """Whether a transaction may delete one."""
        return bool(self.definition.get("delete"))

    @property
    def owner(self) -> Mapping[str, str] | None:
        """The `table` of the record that access to this one rests on, and the field `by` which names it; or None."""
        return self.definition.get("of")

    def owner_of(self, row: object) -> RecordKey | None:
        """Return the record that access to the record in this row rests on."""
        owner = self.owner
        return None if owner is None else RecordKey(owner["table"], str(getattr(row, snake_case(owner["by"]))))


def parse_key(text: str) -> Key | None:
    """Return the key, its id as the database writes it, or None when the text is none."""
    found = _record_key(text)
    if found is not None:
        return RecordKey(found[1], found[2].lower())
    found = _list_key(text)
    return None if found is None else ListKey(found[1].lower(), found[2])


def record_kinds(bundle: Mapping[str, Any]) -> dict[str, RecordKind]:
    """Return the kinds of records by table."""
    by_id = {operation.id: operation for operation in operations(bundle)}
    found: dict[str, RecordKind] = {}
    for name, schema in bundle["components"]["schemas"].items():
        definition = schema.get("x-record")
        # A schema that may be null repeats the record's schema, annotations and all.
        if definition is not None and not schema.get("nullable"):
            found[definition["table"]] = RecordKind(definition["table"], name, by_id[definition["read"]], definition)
    return found


@cache
def kinds() -> dict[str, RecordKind]:
    """Return the kinds of records of this service, by table."""
    return record_kinds(load())


def list_owners(bundle: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the types of lists, each with the table of the records that have one; None where accounts have them."""
    lists = (operation.definition.get("x-list") for operation in operations(bundle))
    return {definition["type"]: definition.get("of") for definition in lists if definition is not None}


def owner_to_read(key: ListKey, owners: Mapping[str, str | None], caller_id: str | None) -> RecordKey | None:
    """Return the record that one must be able to read to follow the list; None for a list of the caller.

    Raises KeyError for a list that does not exist, or belongs to another account.
    """
    table = owners[key.type]
    if table is None and key.owner_id != caller_id:
        raise KeyError(key.owner_id)
    return None if table is None else RecordKey(table, key.owner_id)
