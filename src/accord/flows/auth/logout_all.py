"""POST /api/v1/auth/logout-all."""

from accord.context import Context
from accord.contract.types import Logout
from accord.flows.auth import queries, rules


async def logout_all(context: Context, body: Logout | None) -> None:
    """End every session of the account that this session belongs to."""
    session = await rules.session_to_end(context, body)
    if session is None or rules.is_over(session, context.now(), context.settings.session_idle_ttl):
        return
    over = await queries.end_sessions_of(context.tx, session.user_id, context.now())
    context.sessions_ended(over)
    for ended in over:
        context.journal.acted_by(session.user_id)
        context.journal.event("sessions", ended, {"event": "signed out everywhere"})
