"""GET /api/v1/jobs/stats."""

from accord.context import SignedInContext
from accord.contract.types import JobStats
from accord.flows.jobs import serializers
from accord.queue import figures


async def get_job_stats(context: SignedInContext) -> JobStats:
    """Return the number of jobs of each queue in each state, and how long the oldest ready one waits."""
    return serializers.stats(await figures.counts(context.read), await figures.oldest_ready(context.read))
