"""The one metadata that all tables register in, and how every `tables.py` is found."""

import importlib
import pkgutil
from pathlib import Path

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Uuid

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


def identity() -> Column[object]:
    """Return the primary key that every record has: a UUIDv7."""
    return Column("id", Uuid, primary_key=True)


def moment(name: str, *, nullable: bool = False) -> Column[object]:
    """Return a column for a time, in UTC with microseconds."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def version() -> Column[object]:
    """Return the column that the conflict check compares: 1 when created, +1 with every committed change."""
    return Column("version", BigInteger, nullable=False, server_default="1")


def load_all_tables() -> MetaData:
    """Import every module that declares tables, so that the metadata is complete."""
    importlib.import_module("accord.database.tables")
    flows = Path(__file__).parents[1] / "flows"
    for domain in pkgutil.iter_modules([str(flows)]):
        if (flows / domain.name / "tables.py").exists():
            importlib.import_module(f"accord.flows.{domain.name}.tables")
    return metadata
