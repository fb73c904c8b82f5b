"""The task deleteOldSessions."""

from datetime import timedelta

from accord.context import JobContext
from accord.flows.auth import rules
from accord.queue.batches import in_batches


async def job_delete_old_sessions(context: JobContext) -> None:
    """Delete the sessions that are past their retention, with their refresh tokens."""
    moment = context.now() - timedelta(seconds=context.settings.session_retention)
    await in_batches(lambda: rules.delete_sessions_over_before(context.autocommit, moment))
