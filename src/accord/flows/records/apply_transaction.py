"""POST /api/v1/transactions."""

from accord.context import SignedInContext
from accord.contract.types import ApplyTransaction, FoundRecords
from accord.flows.records import rules, serializers
from accord.journal import cursors


async def apply_transaction(context: SignedInContext, body: ApplyTransaction) -> FoundRecords:
    """Apply all operations or none; the records are locked before their versions are checked."""
    # The cursor is read before the change: a client that follows from it receives the change again rather than never.
    cursor = await cursors.newest(context.read)
    operations = rules.checked_operations(body["operations"])
    expected = rules.expected_versions(body.get("expectedVersions", {}))
    rows = await rules.locked(context, operations, expected)
    rules.require_versions(rows, expected)
    touched = rules.applied(rows, operations, context.now())

    await rules.written(context, rows, touched)

    return serializers.found(await rules.recheck_access(context, touched), cursor)
