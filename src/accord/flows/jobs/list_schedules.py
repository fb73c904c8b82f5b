"""GET /api/v1/schedules."""

from accord.context import SignedInContext
from accord.contract.types import ScheduleList
from accord.flows.jobs import queries, rules, serializers


async def list_schedules(context: SignedInContext) -> ScheduleList:
    """Return every schedule by name, with its last and next times."""
    rows, now = {row.name: row for row in await queries.all_schedules(context.read)}, context.now()
    found = rules.schedules(context)
    return {"items": [serializers.schedule(name, every, rows.get(name), now) for name, every in found.items()]}
