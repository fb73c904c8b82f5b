"""Conditional requests (RFC 9110, section 13): an ETag is a version, and depends on nothing else.

Proxies that compress a response change its tag: nginx and others make it weak (`W/"7"`), Apache and Caddy write the
coding behind it (`"7-gzip"`, `"7;br"`). In weak comparison both forms name the version that the service sent. In strong
comparison neither does: the service did not send this tag.
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
"""For each tag: whether the tag is weak, and its text."""


def etag(version: int) -> bytes:
    """Return the strong entity tag of a version."""
    return b'"%d"' % version


def has_any(headers: Mapping[bytes, bytes]) -> bool:
    """Return whether a request has conditions."""
    return b"if-match" in headers or b"if-none-match" in headers


def is_held(headers: Mapping[bytes, bytes], version: int) -> bool:
    """Return whether the client has this version already. Raises PreconditionFailed when `If-Match` names another."""
    if b"if-match" in headers and not is_match(headers[b"if-match"], etag(version)):
        raise PreconditionFailed(NOT_READ, currentVersion=version)
    return b"if-none-match" in headers and names_tag(headers[b"if-none-match"], etag(version))


def is_match(if_match: bytes, current: bytes) -> bool:
    """Return whether `If-Match` is `*` or names this tag in strong comparison; a malformed list names no tag."""
    if if_match.strip() == b"*":
        return True
    return not current.startswith(b"W/") and (False, current[1:-1]) in (parse_tags(if_match) or ())


def names_tag(if_none_match: bytes, current: bytes) -> bool:
    """Return whether `If-None-Match` is `*` or names this tag in weak comparison; a malformed list names no tag."""
    if if_none_match.strip() == b"*":
        return True
    opaque = current.removeprefix(b"W/")[1:-1]
    return any(opaque in (text, _coding.sub(b"", text)) for _, text in parse_tags(if_none_match) or ())


def check_change(headers: Mapping[bytes, bytes], inputs: dict[str, Any]) -> None:
    """Check the conditions of a change, and prevent a change that `If-None-Match` forbids.

    `If-None-Match` can forbid to write over the version that the caller states. The flow then gets this version
    negated, which no record has, so the flow looks the record up, and its result is NOT_FOUND or a version conflict.
    `refusal` compares the conditions with the current version.

    Raises ValidationFailed and PreconditionFailed.
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
        # A change that ignores a malformed condition may be one that the condition forbids.
        raise ValidationFailed(errors=[{"field": "If-None-Match", "message": "must be * or a list of entity tags"}])
    if names_tag(if_none_match, etag(expected)):
        holder[name] = -expected


def refusal(headers: Mapping[bytes, bytes], conflict: Mapping[str, Any]) -> Problem:
    """Return the problem of a change with conditions whose flow found another version than the expected one."""
    current, expected = conflict["currentVersion"], abs(conflict["expectedVersion"])
    versions = {"currentVersion": current, "expectedVersion": expected}
    if b"if-match" in headers and not is_match(headers[b"if-match"], etag(current)):
        return PreconditionFailed(**versions)
    if b"if-none-match" in headers and names_tag(headers[b"if-none-match"], etag(current)):
        return PreconditionFailed(NOT_CHANGED, **versions)
    return VersionConflict(current, expected)


def _check_if_match(if_match: bytes, expected: int) -> None:
    """Raise a problem when `If-Match` does not name `expectedVersion`: one of the two is a mistake."""
    if is_match(if_match, etag(expected)):
        # `*` requires only that the record exists, which the expected version requires already.
        return
    if names_tag(if_match, etag(expected)):
        raise PreconditionFailed("If-Match needs the strong tag, as the service gave it; a proxy has changed this one.")
    raise ValidationFailed(errors=[{"field": "If-Match", "message": "names another version than expectedVersion"}])


def parse_tags(field: bytes) -> Tags | None:
    """Return the entity tags of a list; None when the list is malformed or empty."""
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
