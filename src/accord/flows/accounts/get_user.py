"""GET /api/v1/users/{userId}."""

from accord.context import SignedInContext
from accord.contract.types import User
from accord.flows.accounts import rules, serializers


async def get_user(context: SignedInContext, user_id: str) -> User:
    """Return the caller's own account, or any account for an administrator."""
    return serializers.user(await rules.readable_user(context, user_id))
