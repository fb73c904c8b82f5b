"""GET /api/v1/users/{userId}/stats."""

from accord.context import SignedInContext
from accord.contract.types import UserStats
from accord.flows.accounts import queries, rules, serializers


async def get_user_stats(context: SignedInContext, user_id: str) -> UserStats:
    """Return the counts of an account; posts do not exist yet, so their count is 0."""
    found = await rules.readable_user(context, user_id)
    return {
        "user": serializers.user(found),
        "postCount": 0,
        "conversationCount": await queries.count_conversations(context.read, found.id),
        "joinedDaysAgo": max(0, (context.now() - found.created_at).days),
    }
