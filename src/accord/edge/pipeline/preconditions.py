"""Conditional requests (RFC 9110, section 13): ETags are versions, and come from nothing else.

Proxies that compress a response change its tag: nginx and others make it weak (`W/"7"`), Apache and Caddy write the
coding behind it (`"7-gzip"`, `"7;br"`). For weak comparison both name the version that we sent. For strong comparison
none does: it is not the tag that this service gave.
"""

import re
from collections.abc import Mapping
from typing import Any

from accord.problems import PreconditionFailed, Problem, ValidationFailed, VersionConflict

NOT_READ = "If-Match does not name the version that the record has now. Read it without, or with the ETag that it has."
NOT_CHANGED = "If-None-Match names the version that the record has now. Nothing was changed; leave the header out."

# One element of a list of entity tags, and the comma behind it; elements may be empty (section 5.6.1).
_element = re.compile(rb'[ \t]*(?:(W/)?"([\x21\x23-\x7e\x80-\xff]*)")?[ \t]*(?:,|$)').match
_coding = re.compile(rb"(?:[-;](?:gzip|br|zstd|deflate))$")
Tags = list[tuple[bool, bytes]]
"""Whether each is weak, and its text."""


def etag(version: int) -> bytes:
    """Return the strong entity tag of a version."""
    return b'"%d"' % version


def has_any(headers: Mapping[bytes, bytes]) -> bool:
    """Say whether a request has conditions."""
    return b"if-match" in headers or b"if-none-match" in headers


def is_held(headers: Mapping[bytes, bytes], version: int) -> bool:
    """Say whether the reader holds this version already. Raises PreconditionFailed when they want another one."""
    if b"if-match" in headers and not is_match(headers[b"if-match"], etag(version)):
        raise PreconditionFailed(NOT_READ, currentVersion=version)
    return b"if-none-match" in headers and names_tag(headers[b"if-none-match"], etag(version))


def is_match(if_match: bytes, current: bytes) -> bool:
    """Say whether `If-Match` is `*` or names this tag, strongly compared; what is malformed names none."""
    if if_match.strip() == b"*":
        return True
    return not current.startswith(b"W/") and (False, current[1:-1]) in (parse_tags(if_match) or ())


def names_tag(if_none_match: bytes, current: bytes) -> bool:
    """Say whether `If-None-Match` is `*` or names this tag, weakly compared; what is malformed names none."""
    if if_none_match.strip() == b"*":
        return True
    opaque = current.removeprefix(b"W/")[1:-1]
    return any(opaque in (text, _coding.sub(b"", text)) for _, text in parse_tags(if_none_match) or ())


def check_change(headers: Mapping[bytes, bytes], inputs: dict[str, Any]) -> None:
    """Refuse conditions that make no sense, and let no change happen that `If-None-Match` forbids.

    It forbids to write over the version that the caller states. The flow then gets that version below zero, which no
    record has: it looks the record up, and refuses as ever. `refusal` compares the conditions with what it found.
    """
    in_query = "expected_version" in inputs
    holder, name = (inputs, "expected_version") if in_query else (inputs["body"], "expectedVersion")
    expected: int = holder[name]
    if b"if-match" in headers:
        _check_if_match(headers[b"if-match"], expected)
    if_none_match = headers.get(b"if-none-match")
    if if_none_match is None:
        return
    if if_none_match.strip() != b"*" and parse_tags(if_none_match) is None:
        # To ignore it would be to make a change that it may forbid.
        raise ValidationFailed(errors=[{"field": "If-None-Match", "message": "must be * or a list of entity tags"}])
    if names_tag(if_none_match, etag(expected)):
        holder[name] = -expected


def refusal(headers: Mapping[bytes, bytes], conflict: Mapping[str, Any]) -> Problem:
    """Return what a change is refused with that met another version than the one it was given."""
    current, expected = conflict["currentVersion"], abs(conflict["expectedVersion"])
    versions = {"currentVersion": current, "expectedVersion": expected}
    if b"if-match" in headers and not is_match(headers[b"if-match"], etag(current)):
        return PreconditionFailed(**versions)
    if b"if-none-match" in headers and names_tag(headers[b"if-none-match"], etag(current)):
        return PreconditionFailed(NOT_CHANGED, **versions)
    return VersionConflict(current, expected)


def _check_if_match(if_match: bytes, expected: int) -> None:
    """Refuse an `If-Match` that does not name `expectedVersion`: one of the two is a mistake."""
    if is_match(if_match, etag(expected)):
        # `*` asks for no more than that there is a record, which the version does already.
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
