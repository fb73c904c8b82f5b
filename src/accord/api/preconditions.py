"""Conditional requests (RFC 9110, section 13): ETags are versions, and come from nothing else."""

from typing import Any

from accord.problems import ValidationFailed


def etag(version: int) -> bytes:
    """Return the strong entity tag of a version."""
    return b'"%d"' % version


def is_unchanged(if_none_match: bytes, version: int) -> bool:
    """Say whether `If-None-Match` names this version; the comparison is weak, as for GET it must be."""
    return names_tag(if_none_match, etag(version))


def names_tag(if_none_match: bytes, current: bytes) -> bool:
    """Say whether a list of entity tags has this one, weak or strong."""
    tags = (tag.strip().removeprefix(b"W/") for tag in if_none_match.split(b","))
    return any(tag in (b"*", current.removeprefix(b"W/")) for tag in tags)


def check_if_match(if_match: bytes, inputs: dict[str, Any]) -> None:
    """Refuse an `If-Match` that names another version than `expectedVersion`: one of the two is a mistake."""
    expected = inputs.get("expected_version") or (inputs.get("body") or {}).get("expectedVersion")
    if expected is not None and if_match.strip() != etag(expected):
        message = "names another version than expectedVersion"
        raise ValidationFailed(errors=[{"field": "If-Match", "message": message}])
