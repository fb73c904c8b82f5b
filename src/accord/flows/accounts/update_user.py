"""PATCH /api/v1/users/{userId}."""

from accord.context import SignedInContext
from accord.contract.types import UpdateUser, User
from accord.flows.accounts import queries, rules, serializers
from accord.problems import Forbidden, NotFound, VersionConflict


async def update_user(context: SignedInContext, user_id: str, body: UpdateUser) -> User:
    """Change an account if it is at the version that the caller read; a new role or disabling ends its sessions."""
    expected, now = body["expectedVersion"], context.now()
    target = await rules.administrable_user(context, user_id)
    if body.get("role", target.role) != target.role and not context.caller.may("admin:all"):
        raise Forbidden("Only root changes roles.")
    rules.require_version(target, expected)
    changes = rules.changes_of(target, body, now)
    if target.role == "root" and rules.disables_root(target, changes):
        await rules.keep_one_root(context, target.id)

    saved = await queries.save_if_version_is(context.tx, user_id, expected, changes, now)

    if saved is None:
        current = await queries.current_version(context.tx, user_id)
        raise NotFound if current is None else VersionConflict(current, expected, table="users")
    if saved.role != target.role or saved.disabled_at:
        context.sessions_ended(await queries.end_sessions(context.tx, user_id, now))
    context.journal.updated("users", saved, changes)
    await rules.alert_of_change(context, target, saved)
    return serializers.user(saved)
