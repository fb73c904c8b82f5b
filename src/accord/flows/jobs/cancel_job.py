"""POST /api/v1/jobs/{jobId}/cancel."""

from accord.context import SignedInContext
from accord.contract.types import ChangeJob, Job
from accord.flows.jobs import queries, rules, serializers
from accord.queue import ordering


async def cancel_job(context: SignedInContext, job_id: str, body: ChangeJob) -> Job:
    """Cancel a job that has not ended, if it is at the version that the caller read.

    A running attempt holds the former version: its commit fails, and its process hears of the change and stops it.
    """
    found = await rules.reachable_job(context, job_id, "jobs:write")

    await ordering.lock(context.tx, [found.order_key])
    cancelled = await queries.cancel_if_version_is(context.tx, found.id, body["expectedVersion"], context.now())

    if cancelled is None:
        raise await rules.why_not_cancelled(context, found, body["expectedVersion"])
    await rules.acted(context, [cancelled], {"state": "cancelled"})
    return serializers.job(cancelled, context.caller)
