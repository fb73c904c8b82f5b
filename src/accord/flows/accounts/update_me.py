"""PATCH /api/v1/me."""

from accord.context import SignedInContext
from accord.contract.types import UpdateMe, User
from accord.flows.accounts import queries, serializers
from accord.problems import InvalidToken, VersionConflict


async def update_me(context: SignedInContext, body: UpdateMe) -> User:
    """Save the caller's changes if the account is still at the version that the caller read."""
    changes = serializers.changed_columns(body, "firstName", "lastName")
    expected = body["expectedVersion"]

    saved = await queries.save_if_version_is(context.tx, context.caller.id, expected, changes, context.now())

    if saved is None:
        current = await queries.current_version(context.tx, context.caller.id)
        raise InvalidToken if current is None else VersionConflict(current, expected, table="users")
    context.journal.updated("users", saved, changes)
    return serializers.user(saved)
