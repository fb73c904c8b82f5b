"""Conditional requests (RFC 9110, section 13): ETags are versions, and come from nothing else.

Proxies that compress an answer change its tag: nginx and others make it weak (`W/"7"`), Apache and Caddy write the
coding behind it (`"7-gzip"`, `"7;br"`). For weak comparison both name the version that we sent. For strong comparison
none does: it is not the tag that this service gave.
"""

import re
from typing import Any

from accord.problems import PreconditionFailed, ValidationFailed

# One element of a list of entity tags, and the comma behind it; elements may be empty (section 5.6.1).
_element = re.compile(rb'[ \t]*(?:(W/)?"([\x21\x23-\x7e\x80-\xff]*)")?[ \t]*(?:,|$)').match
_coding = re.compile(rb"(?:[-;](?:gzip|br|zstd|deflate))$")
Tags = list[tuple[bool, bytes]]
"""Whether each is weak, and its text."""


def etag(version: int) -> bytes:
    """Return the strong entity tag of a version."""
    return b'"%d"' % version


def is_unchanged(if_none_match: bytes, version: int) -> bool:
    """Say whether `If-None-Match` names this version; the comparison is weak, as for GET it must be."""
    return names_tag(if_none_match, etag(version))


def names_tag(if_none_match: bytes, current: bytes) -> bool:
    """Say whether `If-None-Match` is `*` or names this tag, weakly compared; what is malformed names none."""
    if if_none_match.strip() == b"*":
        return True
    opaque = current.removeprefix(b"W/")[1:-1]
    return any(opaque in (text, _coding.sub(b"", text)) for _, text in parse_tags(if_none_match) or ())


def check_if_match(if_match: bytes, inputs: dict[str, Any]) -> None:
    """Refuse an `If-Match` that does not name `expectedVersion`: one of the two is a mistake."""
    expected = inputs.get("expected_version") or (inputs.get("body") or {}).get("expectedVersion")
    if expected is None or if_match.strip() == b"*":
        # `*` asks for no more than that there is a record, which the version does already.
        return
    tags = parse_tags(if_match) or []
    if (False, b"%d" % expected) in tags:
        return
    if names_tag(if_match, etag(expected)):
        raise PreconditionFailed("If-Match needs the strong tag, as the service gave it; a proxy has changed this one.")
    raise ValidationFailed(errors=[{"field": "If-Match", "message": "names another version than expectedVersion"}])


def parse_tags(field: bytes) -> Tags | None:
    """Return the entity tags of a list; None when it is malformed, or has none."""
    tags: Tags = []
    at = 0
    while at < len(field):
        found = _element(field, at)
        if found is None:
            return None
        if found[2] is not None:
            tags.append((found[1] is not None, found[2]))
        at = found.end()
    return tags or None
