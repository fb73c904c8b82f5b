"""DELETE /api/v1/users/{userId}."""

from accord.context import SignedInContext
from accord.flows.accounts import queries, rules
from accord.problems import NotFound, VersionConflict


async def delete_user(context: SignedInContext, user_id: str, expected_version: int) -> None:
    """Delete an account if it is still at the version that the caller read, and end its sessions."""
    target = await rules.administrable_user(context, user_id)
    rules.require_version(target, expected_version)
    if target.role == "root":
        await rules.keep_one_root(context, target.id)
    now = context.now()

    deleted = await queries.save_if_version_is(context.tx, user_id, expected_version, {"deleted_at": now}, now)

    if deleted is None:
        current = await queries.current_version(context.tx, user_id)
        raise NotFound if current is None else VersionConflict(current, expected_version, table="users")
    context.sessions_ended(await queries.end_sessions(context.tx, user_id, now))
    context.journal.deleted("users", deleted)
