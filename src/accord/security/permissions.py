"""What each platform role may do; the contract's `x-permission` names what an operation needs."""

_ROLES: dict[str, frozenset[str]] = {
    "customer": frozenset(),
    "admin": frozenset({"users:read", "users:write", "audit:read"}),
    "root": frozenset({"users:read", "users:write", "audit:read", "admin:all"}),
}
_NONE: frozenset[str] = frozenset()


def permissions_of(role: str) -> frozenset[str]:
    """Return the permissions of a role; an unknown role has none."""
    return _ROLES.get(role, _NONE)


def allows(permissions: frozenset[str], needed: str) -> bool:
    """Say whether a signed-in caller may; `self` needs no permission, `admin:all` passes every check."""
    return needed == "self" or needed in permissions or "admin:all" in permissions
