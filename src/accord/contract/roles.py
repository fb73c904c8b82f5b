"""What each platform role may do; the contract's `x-permission` names what an operation needs."""

ROLES: dict[str, frozenset[str]] = {
    "customer": frozenset(),
    "admin": frozenset({"users:read", "users:write", "audit:read"}),
    "root": frozenset({"users:read", "users:write", "audit:read", "admin:all"}),
}
PERMISSIONS = frozenset({"self"}).union(*ROLES.values())
"""What an operation can need; `self` is for anyone who is signed in."""
