"""POST /api/v1/auth/refresh."""

from accord.context import Context
from accord.contract.types import Refresh, SignedIn
from accord.flows.auth import queries, rules, serializers
from accord.flows.auth.problems import RefreshTokenReused, SessionOver


async def refresh(context: Context, body: Refresh) -> SignedIn:
    """Replace the refresh token; until its successor is in use it gives the same one, an older one ends the session."""
    presented, now, settings = body["refreshToken"], context.now(), context.settings
    token = await queries.take_token_for_update(context.tx, rules.token_hash(presented))
    if token is None or rules.is_over(token, now, settings.session_idle_ttl):
        raise SessionOver
    context.journal.acted_by(token.user_id)

    if token.rotated_at is None:
        successor = rules.new_token(context)
        sealed = rules.seal(successor, presented)
        await queries.rotate(context.tx, token, rules.token_hash(successor), sealed, now)
        context.journal.event("sessions", token.session_id, {"event": "refreshed"})
    elif token.masked_successor is not None and rules.may_repeat(token, settings.refresh_grace):
        successor = rules.unseal(token.masked_successor, presented)
        await queries.count_repeat(context.tx, token.token_hash)
    else:
        await queries.end_session(context.tx, token.session_id, now)
        context.sessions_ended([token.session_id])
        context.journal.event("sessions", token.session_id, {"event": "refresh reuse detected"})
        raise RefreshTokenReused
    account = await queries.find_account_by_id(context.tx, token.user_id)
    return serializers.refreshed(context, serializers.user(account), token, successor)
