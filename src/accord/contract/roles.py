"""The permissions of each platform role; the contract's `x-permission` names what an operation needs."""

_OPERATES = frozenset({"users:read", "users:write", "audit:read", "jobs:read", "jobs:write"})
ROLES: dict[str, frozenset[str]] = {
    "customer": frozenset(),
    "admin": _OPERATES,
    "root": _OPERATES | {"admin:all"},
}
PERMISSIONS = frozenset({"self"}).union(*ROLES.values())
"""The permissions that an operation can need; `self` is for every signed-in caller."""
