"""GET /api/v1/me."""

from accord.context import SignedInContext
from accord.contract.types import User
from accord.flows.accounts import queries, serializers
from accord.problems import InvalidToken


async def get_me(context: SignedInContext) -> User:
    """Return the caller's own account."""
    me = await queries.find(context.read, context.caller.id)
    if me is None:
        raise InvalidToken
    return serializers.user(me)
