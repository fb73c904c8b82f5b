"""The one metadata that all tables register in, and how every `tables.py` is found."""

import importlib
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Table, Uuid
from sqlalchemy.types import UserDefinedType

metadata = MetaData(
    schema="accord",
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    },
)


class TransactionId(UserDefinedType[str]):
    """PostgreSQL's `xid8`: compared with a snapshot's horizon, it tells which entries can no longer be overtaken."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name in SQL."""
        return "xid8"


def id_column() -> Column[object]:
    """Return the primary key that every record has: a UUIDv7."""
    return Column("id", Uuid, primary_key=True)


def timestamp(name: str, *, nullable: bool = False) -> Column[object]:
    """Return a column for a time, in UTC with microseconds."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def version() -> Column[object]:
    """Return the column that the conflict check compares: 1 when created, +1 with every committed change."""
    return Column("version", BigInteger, nullable=False, server_default="1")


def new_columns(table: Table, *, unset: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that the insert of a new record takes: all but `version` and those that are unset at first.

    A column that is added to the table is in the insert, too, and a flow that gives no value for it fails.
    """
    left_out = {table.c[name].name for name in ("version", *unset)}
    return tuple(column.name for column in table.c if column.name not in left_out)


def load_all_tables() -> MetaData:
    """Import every `tables.py` of the package, wherever it lies, so that the metadata is complete."""
    package = Path(__file__).parents[1]
    for file in sorted(package.rglob("tables.py")):
        importlib.import_module(".".join((package.name, *file.relative_to(package).with_suffix("").parts)))
    return metadata


def tables_by_name() -> dict[str, Table]:
    """Return every table by its name alone: no two schemas have a table of one name."""
    return {table.name: table for table in load_all_tables().tables.values()}
