"""GET /api/v1/jobs/{jobId}."""

from accord.context import SignedInContext
from accord.contract.types import Job
from accord.flows.jobs import rules, serializers


async def get_job(context: SignedInContext, job_id: str) -> Job:
    """Return a job of the caller, or any job to callers with `jobs:read`."""
    return serializers.job(await rules.reachable_job(context, job_id, "jobs:read"), context.caller)
