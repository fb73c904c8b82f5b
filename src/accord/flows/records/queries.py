"""The statements that record transactions run on the tables of other domains, which the contract names."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, column, func, literal_column, update
from sqlalchemy.dialects.postgresql import JSONB

from accord.database.statement import Statement
from accord.database.transaction import Transaction
from accord.flows.record_types import RecordType, Row


async def save_all(
    tx: Transaction,
    kind: RecordType[Row],
    columns: tuple[str, ...],
    rows: Sequence[dict[str, Any]],
    now: datetime,
) -> list[Row]:
    """Save these columns of locked rows in one statement, and raise each version by one."""
    return await tx.all(_save_all(kind, columns), rows=list(rows), now=now)


@cache
def _save_all(kind: RecordType[Row], columns: tuple[str, ...]) -> Statement[Row]:
    table = kind.table
    given = (
        func.jsonb_populate_recordset(literal_column(f"NULL::{table.fullname}"), bindparam("rows", type_=JSONB()))
        .table_valued(column("id", table.c.id.type), *(column(c, table.c[c].type) for c in columns))
        .alias("given")
    )
    return Statement(
        update(table)
        .where(table.c.id == given.c.id)
        .values(
            version=table.c.version + 1,
            updated_at=bindparam("now", type_=table.c.updated_at.type),
            **{name: given.c[name] for name in columns},
        )
        .returning(table),
        kind.row,
    )
