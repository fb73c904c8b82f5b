"""POST /api/v1/jobs/{jobId}/retry."""

from accord.context import SignedInContext
from accord.contract.types import ChangeJob, Job
from accord.flows.jobs import queries, rules, serializers
from accord.problems import AlreadyExists
from accord.queue import ordering


async def retry_job(context: SignedInContext, job_id: str, body: ChangeJob) -> Job:
    """Queue a dead or cancelled job again, if it is at the version that the caller read."""
    found = await rules.reachable_job(context, job_id, "jobs:write")

    await ordering.lock(context.tx, [found.order_key])
    try:
        queued = await queries.retry_if_version_is(context.tx, found.id, body["expectedVersion"], context.now())
    except AlreadyExists:
        detail = "Nothing was changed. Another job of this task has the same unique key and has not ended."
        raise AlreadyExists(detail) from None

    if queued is None:
        raise await rules.why_not_retried(context, found, body["expectedVersion"])
    await rules.acted(context, [queued], {"state": "queued"})
    context.jobs.became_ready(queued.queue)
    return serializers.job(queued, context.caller)
