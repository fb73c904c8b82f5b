"""GET /api/v1/auth/session."""

from accord.context import Context
from accord.contract.types import SessionState
from accord.flows.auth import queries, rules, serializers


async def get_session(context: Context) -> SessionState:
    """Return the caller's session, or that the caller is anonymous; a bad or missing token is no error."""
    nobody: SessionState = {"authenticated": False, "user": None, "session": None}
    if context.caller.session_id is None:
        return nobody
    account = await queries.find_account_by_id(context.read, context.caller.id)
    session = await queries.find_session(context.read, context.caller.session_id)
    if account is None or session is None or rules.is_over(session, context.now(), context.settings.session_idle_ttl):
        return nobody
    return {"authenticated": True, "user": serializers.user(account), "session": serializers.session(session)}
