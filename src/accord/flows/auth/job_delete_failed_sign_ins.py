"""The task deleteFailedSignIns."""

from accord.context import JobContext
from accord.flows.auth import rules
from accord.queue.batches import in_batches


async def job_delete_failed_sign_ins(context: JobContext) -> None:
    """Delete the counts of failed sign-ins that count no more."""
    window = context.settings.lockout_window
    await in_batches(lambda: rules.delete_failures_over_since(context.autocommit, window))
