"""The journal: every committed change and security event appends one entry, in the transaction of the change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
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


class Journal:
    """Collects the entries of one flow; they are written with its commit, so they exist exactly when it does."""

    __slots__ = ("_ends_with", "_entries", "_shared")

    def __init__(self, actor: Actor, operation: str, request_id: str) -> None:
        """Take the columns that all entries of this flow share."""
        self._shared = {
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "organisation_id": None,
            "operation": operation,
            "request_id": request_id,
        }
        self._entries: list[dict[str, Any]] = []
        self._ends_with: Statement[Any] | None = None

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
        """Note an event, or do the same work and leave no entry: the duration must not tell which."""
        self.event(table, record_id, fields)
        self._ends_with = _RELEASE if holds else _UNDO

    def acted_by(self, user_id: UUID) -> None:
        """Name the user that the flow itself identified, such as at sign-in."""
        self._shared |= {"actor_kind": "user", "actor_id": user_id}

    def append(self, tx: Transaction) -> None:
        """Write the entries noted so far with the commit of the transaction."""
        if self._ends_with is not None:
            tx.with_commit(_SAVEPOINT)
        for entry in self._entries:
            tx.with_commit(_APPEND, **self._shared, **entry)
        if self._ends_with is not None:
            tx.with_commit(self._ends_with)
        self._entries.clear()

    @property
    def is_empty(self) -> bool:
        """Whether no entry was noted."""
        return not self._entries

    def _note(
        self,
        kind: Kind,
        table: str,
        record_id: UUID,
        version: int | None,
        fields: Mapping[str, Any],
        lists: Sequence[str] = (),
    ) -> None:
        self._entries.append(
            {
                "kind": kind,
                "record_table": table,
                "record_id": record_id,
                "record_version": version,
                "fields": redacted(fields),
                "list_keys": list(lists),
            }
        )
