"""How the tables that the domains declare are compared with those of a database: in the schema `accord` alone."""

from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy.dialects.postgresql.base import ischema_names

from accord.database.schema import TransactionId, metadata

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext

# SQLAlchemy does not know this type, and would warn when it reads the journal's tables back.
ischema_names["xid8"] = TransactionId  # pyright: ignore[reportArgumentType]  # typed by what it starts with


def _is_ours(name: str | None, kind: str, *_: object) -> bool:
    """Leave other schemas alone, and the journal's partitions: the sequencer makes them as time goes on."""
    if kind == "schema":
        return name == metadata.schema
    return not (kind == "table" and name is not None and (name.startswith("journal_p2") or name == "journal_default"))


def _rendered(kind: str, item: object, context: "AutogenContext") -> str | Literal[False]:
    """Write a column type of Accord by its name, and import the name; Alembic writes the others."""
    module = type(item).__module__
    if kind != "type" or not module.startswith("accord."):
        return False
    context.imports.add(f"from {module} import {type(item).__name__}")
    return repr(item)


OPTIONS: dict[str, Any] = {
    "compare_type": True,
    "compare_server_default": True,
    "include_schemas": True,
    "include_name": _is_ours,
    "render_item": _rendered,
    "version_table_schema": metadata.schema,
}
