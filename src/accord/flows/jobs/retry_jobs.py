"""POST /api/v1/jobs/retry."""

from accord.context import SignedInContext
from accord.contract.times import parse_time
from accord.contract.types import RetriedJobs, RetryJobs
from accord.flows.jobs import queries, rules


async def retry_jobs(context: SignedInContext, body: RetryJobs) -> RetriedJobs:
    """Queue dead jobs of a task again, those that died first before others."""
    since = parse_time(body["deadAfter"]) if "deadAfter" in body else None

    queued = await queries.retry_dead(context.tx, body["task"], since, body.get("limit", 1000), context.now())

    await rules.acted(context, queued, {"state": "queued"})
    context.jobs.became_ready(*(job.queue for job in queued))
    return {"retried": len(queued)}
