"""The journal: every committed change and security event appends one entry, in the transaction of the change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, insert, text

from accord.database.statement import Statement
from accord.database.transaction import Transaction
from accord.journal.redaction import redacted
from accord.journal.tables import journal

_columns = [
    "request_id",
    "actor_kind",
    "actor_id",
    "organisation_id",
    "operation",
    "record_table",
    "record_id",
    "record_version",
    "kind",
    "fields",
    "list_keys",
]
_APPEND = Statement(insert(journal).inline().values({name: bindparam(name) for name in _columns}))

_SAVEPOINT = Statement(text("SAVEPOINT entry"))
_RELEASE = Statement(text("RELEASE SAVEPOINT entry"))
_UNDO = Statement(text("ROLLBACK TO SAVEPOINT entry"))

Kind = Literal["created", "updated", "deleted", "event"]


@dataclass(frozen=True, slots=True)
class Actor:
    """The cause of an entry: a user, an API key, the system, or an anonymous caller."""

    kind: Literal["user", "key", "system", "anonymous"]
    id: UUID | None


class Change(NamedTuple):
    """An entry that is about to be committed, as a reaction in its commit gets it; `fields` are redacted.

    The version is None for an event. The names are those of the entry's columns.
    """

    record_table: str
    record_id: UUID
    record_version: int | None
    kind: Kind
    fields: Mapping[str, Any]
    list_keys: Sequence[str]
    operation: str
    actor: Actor


class _Noted(NamedTuple):
    """An entry: the columns that it shares with the others of its flow, its own, and what ends its savepoint."""

    shared: dict[str, Any]
    own: dict[str, Any]
    ends_with: Statement[Any] | None


class Journal:
    """Collects the entries of one flow; they are written with its commit, so they exist exactly when it does."""

    __slots__ = ("_noted", "_shared")

    def __init__(self, actor: Actor, operation: str, request_id: str) -> None:
        """Take the columns that all entries of this flow share."""
        self._shared = {
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "organisation_id": None,
            "operation": operation,
            "request_id": request_id,
        }
        self._noted: list[_Noted] = []

    def part(self, actor: Actor, operation: str, request_id: str) -> "Journal":
        """Return a journal whose entries go with these, in the order in which all of them were noted."""
        part = Journal(actor, operation, request_id)
        part._noted = self._noted
        return part

    def created(self, table: str, row: Any, fields: Mapping[str, Any], lists: Sequence[str] = ()) -> None:
        """Note a new record; `row` has its id and version, `lists` are the live keys of its lists."""
        self._note("created", table, row.id, row.version, fields, lists)

    def updated(self, table: str, row: Any, fields: Mapping[str, Any], lists: Sequence[str] = ()) -> None:
        """Note a change; `row` has the id and the new version, `fields` the changes, `lists` the lists that show it."""
        self._note("updated", table, row.id, row.version, fields, lists)

    def deleted(self, table: str, row: Any, lists: Sequence[str] = ()) -> None:
        """Note that a record is gone; `row` has its id and last version."""
        self._note("deleted", table, row.id, row.version, {}, lists)

    def event(self, table: str, record_id: UUID, fields: Mapping[str, Any], lists: Sequence[str] = ()) -> None:
        """Note an event: a record, or its lists, did not change. An example is a failed sign-in."""
        self._note("event", table, record_id, None, fields, lists)

    def event_if(self, table: str, record_id: UUID, fields: Mapping[str, Any], *, holds: bool) -> None:
        """Note an event, or do the same work and leave no entry: the duration must not tell which.

        So no reaction in the commit gets the entry either.
        """
        self._note("event", table, record_id, None, fields, (), _RELEASE if holds else _UNDO)

    def acted_by(self, user_id: UUID) -> None:
        """Name the user that the flow itself identified, such as at sign-in."""
        self._shared |= {"actor_kind": "user", "actor_id": user_id}

    def append(self, tx: Transaction) -> None:
        """Write the entries noted so far with the commit of the transaction."""
        for shared, own, ends_with in self._noted:
            if ends_with is None:
                tx.with_commit(_APPEND, **shared, **own)
            else:
                tx.with_commit(_SAVEPOINT)
                tx.with_commit(_APPEND, **shared, **own)
                tx.with_commit(ends_with)
        self._noted.clear()

    @property
    def is_empty(self) -> bool:
        """Whether no entry was noted."""
        return not self._noted

    def __len__(self) -> int:
        """Return how many entries were noted."""
        return len(self._noted)

    def change(self, index: int) -> Change | None:
        """Return an entry as reactions get it; None for one that may not be written."""
        shared, own, ends_with = self._noted[index]
        if ends_with is not None:
            return None
        actor = Actor(shared["actor_kind"], shared["actor_id"])
        return Change(**own, operation=shared["operation"], actor=actor)

    def _note(
        self,
        kind: Kind,
        table: str,
        record_id: UUID,
        version: int | None,
        fields: Mapping[str, Any],
        lists: Sequence[str] = (),
        ends_with: Statement[Any] | None = None,
    ) -> None:
        own = {
            "kind": kind,
            "record_table": table,
            "record_id": record_id,
            "record_version": version,
            "fields": redacted(fields),
            "list_keys": list(lists),
        }
        self._noted.append(_Noted(self._shared, own, ends_with))
