"""POST /api/v1/auth/logout."""

from accord.context import Context
from accord.contract.types import Logout
from accord.flows.auth import queries, rules


async def logout(context: Context, body: Logout | None) -> None:
    """End this session; a session that is over already is no error."""
    session = await rules.session_to_end(context, body)
    if session is not None and await queries.end_session(context.tx, session.id, context.now()):
        context.sessions_ended([session.id])
        context.journal.acted_by(session.user_id)
        context.journal.event("sessions", session.id, {"event": "signed out"})
