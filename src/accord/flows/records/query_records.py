"""POST /api/v1/records/query."""

from accord.context import SignedInContext
from accord.contract.records import kinds
from accord.contract.types import FoundRecords, QueryRecords
from accord.flows.record_types import record_type
from accord.flows.records import rules, serializers
from accord.journal import cursors


async def query_records(context: SignedInContext, body: QueryRecords) -> FoundRecords:
    """Return the named records that the caller may read, with one statement for each table."""
    # The cursor is read before the records: a change in between is announced again rather than missed.
    cursor = await cursors.newest(context.read)
    ids = rules.ids_by_table((pointer["table"], pointer["id"]) for pointer in body["pointers"])
    records = [
        (table, serializers.record(table, row))
        for table in sorted(ids.keys() & kinds().keys())
        for row in await record_type(table).readable(context.read, context.caller, ids[table])
    ]
    return serializers.found(records, cursor)
