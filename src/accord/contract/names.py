"""Names on both sides: camelCase on the wire, snake_case in Python."""

import re

NOUNS = frozenset({"tables", "queries", "records", "rules", "serializers", "problems"})
"""The modules of a domain that are no operations."""

REACTIONS = ("on_", "after_")
"""How the names of reactions begin: in the commit of an entry, and after it."""

_hump = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_joint = re.compile(r"(?<=[a-z0-9])_([a-z0-9])")


def snake_case(name: str) -> str:
    """`expectedVersion` → `expected_version`."""
    return _hump.sub("_", name).lower()


def camel_case(name: str) -> str:
    """`expected_version` → `expectedVersion`."""
    return _joint.sub(lambda found: found[1].upper(), name)
