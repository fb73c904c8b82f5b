"""POST /api/v1/live/tickets."""

from datetime import timedelta

from accord.context import SignedInContext
from accord.contract.serializers import timestamp
from accord.contract.types import LiveTicket
from accord.flows.changes import queries, rules
from accord.problems import Unauthorized
from accord.security.opaque_tokens import token_hash


async def create_live_ticket(context: SignedInContext) -> LiveTicket:
    """Make a ticket that signs one socket in, in the caller's session."""
    if context.caller.session_id is None:
        raise Unauthorized
    ticket, expires_at = rules.new_ticket(context), context.now() + timedelta(seconds=rules.TICKET_SECONDS)
    await queries.add_ticket(context.tx, token_hash(ticket), context.caller.session_id, expires_at)
    return {"ticket": ticket, "expiresAt": timestamp(expires_at)}
