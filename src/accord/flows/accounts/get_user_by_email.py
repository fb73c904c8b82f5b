"""GET /api/v1/users/by-email."""

from accord.context import SignedInContext
from accord.contract.types import User
from accord.flows.accounts import queries, serializers
from accord.problems import NotFound
from accord.security.emails import email_key


async def get_user_by_email(context: SignedInContext, email: str) -> User:
    """Find an account by its address, in any letter case."""
    found = await queries.find_by_email(context.read, email_key(email))
    if found is None:
        raise NotFound
    return serializers.user(found)
