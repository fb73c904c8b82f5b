"""POST /api/v1/transactions."""

from accord.context import SignedInContext
from accord.contract.types import ApplyTransaction, FoundRecords
from accord.flows.records import rules, serializers
from accord.journal import cursors


async def apply_transaction(context: SignedInContext, body: ApplyTransaction) -> FoundRecords:
    """Apply all operations or none, to records that are locked before they are judged."""
    # Before the change: whoever goes on from here is told of it again rather than not at all.
    cursor = await cursors.newest(context.read)
    operations = rules.checked_operations(body["operations"])
    expected = rules.expected_versions(body.get("expectedVersions", {}))
    rows = await rules.locked(context, operations, expected)
    rules.require_versions(rows, expected)
    touched = rules.applied(rows, operations, context.now())

    await rules.written(context, rows, touched)

    return serializers.found(await rules.recheck_access(context, touched), cursor)
