"""The permissions of each platform role; the contract's `x-permission` names what an operation needs."""

ROLES: dict[str, frozenset[str]] = {
    "customer": frozenset(),
    "admin": frozenset({"users:read", "users:write", "audit:read"}),
    "root": frozenset({"users:read", "users:write", "audit:read", "admin:all"}),
}
PERMISSIONS = frozenset({"self"}).union(*ROLES.values())
"""The permissions that an operation can need; `self` is for every signed-in caller."""
