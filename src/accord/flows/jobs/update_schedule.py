"""PATCH /api/v1/schedules/{scheduleName}."""

from accord.context import SignedInContext
from accord.contract.types import Schedule, UpdateSchedule
from accord.flows.jobs import queries, rules, serializers
from accord.problems import VersionConflict


async def update_schedule(context: SignedInContext, schedule_name: str, body: UpdateSchedule) -> Schedule:
    """Pause a schedule or let it go on, if it is at the version that the caller read."""
    every, expected, now = rules.schedule(context, schedule_name), body["expectedVersion"], context.now()

    saved = await queries.save_schedule_if_version_is(
        context.tx, schedule_name, expected, is_paused=body["paused"], now=now
    )

    if saved is None:
        rows = {row.name: row.version for row in await queries.all_schedules(context.tx)}
        raise VersionConflict(rows[schedule_name], expected, table="schedules")
    told = {"name": schedule_name, "paused": saved.paused}
    context.journal.updated("schedules", rules.named("schedules", schedule_name, saved.version), told)
    return serializers.schedule(schedule_name, every, saved, now)
