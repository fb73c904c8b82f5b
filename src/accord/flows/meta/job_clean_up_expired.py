"""The task cleanUpExpired."""

from functools import partial

from accord.context import JobContext
from accord.flows.meta import rules
from accord.queue.batches import in_batches


async def job_clean_up_expired(context: JobContext) -> None:
    """Delete expired rows of the tables that belong to no domain."""
    for delete_some in rules.deletions(context.settings):
        await in_batches(partial(delete_some, context.autocommit))
