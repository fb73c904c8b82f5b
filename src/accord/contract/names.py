"""Names on both sides: camelCase on the wire, snake_case in Python."""

import re

_hump = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def snake_case(name: str) -> str:
    """`expectedVersion` → `expected_version`."""
    return _hump.sub("_", name).lower()
