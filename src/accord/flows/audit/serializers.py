"""Serializers for entries of the journal."""

from typing import Any

from accord.contract.names import camel_case
from accord.contract.serializers import record_serializer
from accord.contract.times import parse_time
from accord.contract.types import AuditEntry, AuditVerdict
from accord.flows.audit.queries import EntryRow
from accord.journal.verification import Verdict

_entry = record_serializer(AuditEntry)
WITHHELD = "[withheld]"
"""The text in place of a value, when the caller may not read the record now."""


def entry(row: EntryRow, *, shown: bool) -> AuditEntry:
    """Return an entry with the fields named as in the record; values are withheld unless they may be shown."""
    written = _entry(row)
    # A record may have a field called `event`, too, which is as private as its other fields.
    told = {"event"} if row.kind == "event" else set[str]()
    written["fields"] = {
        camel_case(name): value if shown or name in told else WITHHELD for name, value in row.fields.items()
    }
    return written


def filters(*, since: str | None, until: str | None, **equal: str | None) -> dict[str, Any]:
    """Return the filters that the request has, with its times parsed."""
    moments = {"since": since, "until": until}
    given = {name: parse_time(text) for name, text in moments.items() if text is not None}
    return given | {name: value for name, value in equal.items() if value is not None}


def verdict(found: Verdict) -> AuditVerdict:
    """Return whether the journal is sound, and the first position where it is not."""
    return {
        "sound": found.broken_at is None,
        "verified": found.verified,
        "position": found.position,
        "brokenAt": found.broken_at,
        "reason": found.reason,
    }
