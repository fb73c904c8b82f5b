"""The task deleteExpiredTickets."""

from accord.context import JobContext
from accord.flows.changes import queries
from accord.queue.batches import in_batches


async def job_delete_expired_tickets(context: JobContext) -> None:
    """Delete the tickets that expired unused."""
    await in_batches(lambda: queries.delete_some_expired_tickets(context.autocommit))
