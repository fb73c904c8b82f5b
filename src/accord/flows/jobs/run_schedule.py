"""POST /api/v1/schedules/{scheduleName}/run."""

from accord.context import SignedInContext
from accord.contract.types import Job
from accord.flows.jobs import queries, rules, serializers


async def run_schedule(context: SignedInContext, schedule_name: str) -> Job:
    """Enqueue a job of a task that has a schedule, without arguments, as a due time does."""
    rules.schedule(context, schedule_name)
    job_id = await context.jobs.enqueue(schedule_name, unique_key=f"{rules.ASKED}{context.new_id()}")

    enqueued = await queries.find(context.tx, job_id)

    assert enqueued is not None
    told = {"task": enqueued.task, "queue": enqueued.queue, "state": enqueued.state}
    context.journal.created("jobs", enqueued, told, rules.lists_of_job(enqueued))
    return serializers.job(enqueued, context.caller)
