"""The permissions of a role, and the check of them against an operation."""

from accord.contract.roles import ROLES

_NONE: frozenset[str] = frozenset()


def permissions_of(role: str) -> frozenset[str]:
    """Return the permissions of a role; an unknown role has none."""
    return ROLES.get(role, _NONE)


def allows(permissions: frozenset[str], needed: str) -> bool:
    """Say whether a signed-in caller may; `self` needs no permission, `admin:all` passes every check."""
    return needed == "self" or needed in permissions or "admin:all" in permissions
