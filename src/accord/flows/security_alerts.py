"""The alerts of security events, which several domains enqueue: a job tells the person by mail."""

from uuid import UUID

from accord.context import Context
from accord.contract.times import timestamp


async def alert(context: Context, user_id: UUID, event: str) -> None:
    """Enqueue the alert of a security event of this account."""
    args = {"userId": str(user_id), "event": event, "at": timestamp(context.now())}
    await context.jobs.enqueue("sendSecurityAlert", args)
