"""POST /api/v1/users/{userId}/unlock."""

from accord.context import SignedInContext
from accord.flows.accounts import queries, rules
from accord.security.emails import identifier_hash


async def unlock_user(context: SignedInContext, user_id: str) -> None:
    """Delete the count of failed sign-ins of an account, so that it can sign in again at once."""
    target = await rules.administrable_user(context, user_id)
    await queries.delete_login_failures(context.tx, identifier_hash(target.email))
    context.journal.event("users", target.id, {"event": "unlocked"})
