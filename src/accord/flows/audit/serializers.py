"""How the journal looks on the wire."""

from typing import Any

from accord.contract.names import camel_case
from accord.contract.serializers import record_shape
from accord.contract.times import parse_time
from accord.contract.types import AuditEntry, AuditVerdict
from accord.flows.audit.queries import EntryRow
from accord.journal.verification import Verdict

_entry = record_shape(AuditEntry)
WITHHELD = "[withheld]"
"""What stands for a value of a record that the reader may not read now."""


def entry(row: EntryRow, *, shown: bool) -> AuditEntry:
    """Name the changed fields as the record does on the wire; without their values unless these may be shown."""
    written = _entry(row)
    # A record may have a field of that name, too, which is as private as its others.
    told = {"event"} if row.kind == "event" else set[str]()
    written["fields"] = {
        camel_case(name): value if shown or name in told else WITHHELD for name, value in row.fields.items()
    }
    return written


def filters(*, since: str | None, until: str | None, **equal: str | None) -> dict[str, Any]:
    """Return the filters that were given, with moments as such."""
    moments = {"since": since, "until": until}
    given = {name: parse_time(text) for name, text in moments.items() if text is not None}
    return given | {name: value for name, value in equal.items() if value is not None}


def verdict(found: Verdict) -> AuditVerdict:
    """Say whether the journal is sound, and where it is not."""
    return {
        "sound": found.broken_at is None,
        "verified": found.verified,
        "position": found.position,
        "brokenAt": found.broken_at,
        "reason": found.reason,
    }
