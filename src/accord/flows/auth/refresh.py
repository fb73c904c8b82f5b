"""POST /api/v1/auth/refresh."""

from accord.context import Context
from accord.contract.types import Refresh, SignedIn
from accord.flows.auth import queries, rules, serializers
from accord.flows.auth.problems import RefreshTokenReused, SessionOver
from accord.security.opaque_tokens import new_token, token_hash


async def refresh(context: Context, body: Refresh) -> SignedIn:
    """Replace the refresh token; a repeat returns the same successor until that is used; older ones end the session."""
    presented, now, settings = body["refreshToken"], context.now(), context.settings
    token = await queries.take_token_for_update(context.tx, token_hash(presented))
    if token is None or rules.is_over(token, now, settings.session_idle_ttl):
        raise SessionOver
    context.journal.acted_by(token.user_id)

    if token.rotated_at is None:
        successor = new_token(context.random_bytes)
        masked = rules.masked(successor, presented)
        await queries.rotate(context.tx, token, token_hash(successor), masked, now)
        context.journal.event("sessions", token.session_id, {"event": "refreshed"})
    elif token.masked_successor is not None and rules.may_repeat(token, settings.refresh_grace):
        successor = rules.unmasked(token.masked_successor, presented)
        await queries.count_repeat(context.tx, token.token_hash)
    else:
        await rules.end_for_reuse(context, token)
        raise RefreshTokenReused
    account = await queries.find_account_by_id(context.tx, token.user_id)
    return serializers.refreshed(context, serializers.user(account), token, successor)
