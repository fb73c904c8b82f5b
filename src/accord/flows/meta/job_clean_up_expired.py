"""The task cleanUpExpired."""

from accord.context import JobContext
from accord.flows.meta import rules
from accord.queue.batches import in_batches


async def job_clean_up_expired(context: JobContext) -> None:
    """Delete expired rows of the tables that belong to no domain."""
    await in_batches(lambda: rules.delete_some_expired(context.autocommit, context.settings))
