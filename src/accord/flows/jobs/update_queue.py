"""PATCH /api/v1/queues/{queueName}."""

from accord.context import SignedInContext
from accord.contract.types import Queue, UpdateQueue
from accord.flows.jobs import queries, rules, serializers
from accord.problems import NotFound, VersionConflict


async def update_queue(context: SignedInContext, queue_name: str, body: UpdateQueue) -> Queue:
    """Pause a queue or change its slots, if it is at the version that the caller read."""
    known, expected = await rules.queues(context), body["expectedVersion"]
    if queue_name not in known:
        raise NotFound
    slots, _ = known[queue_name]
    changes = {name: value for name, value in body.items() if name != "expectedVersion"}

    saved = await queries.save_queue_if_version_is(context.tx, queue_name, expected, changes, context.now())

    if saved is None:
        row = (await rules.queues(context))[queue_name][1]
        raise VersionConflict(1 if row is None else row.version, expected, table="queues")
    context.journal.updated("queues", rules.named("queues", queue_name, saved.version), {"name": queue_name} | changes)
    context.jobs.became_ready(queue_name)
    return serializers.queue(queue_name, slots, saved)
