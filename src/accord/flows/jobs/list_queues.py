"""GET /api/v1/queues."""

from accord.context import SignedInContext
from accord.contract.types import QueueList
from accord.flows.jobs import rules, serializers


async def list_queues(context: SignedInContext) -> QueueList:
    """Return every queue by name, with its slots."""
    found = await rules.queues(context)
    return {"items": [serializers.queue(name, slots, row) for name, (slots, row) in found.items()]}
