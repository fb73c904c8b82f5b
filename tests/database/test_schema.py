"""Statements name the schema of their tables, so that they mean the same whatever `search_path` is."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import psycopg
from processes import once

import accord
from accord.database.schema import load_all_tables
from accord.database.statement import Statement

pytestmark = once
# Only in a transaction that is open.
CONTROL = (b"BEGIN", b"COMMIT", b"ROLLBACK", b"SAVEPOINT", b"RELEASE")


def compiled_statements() -> Iterator[Statement]:
    """Yield the statements of every module, alone or in a collection: they are compiled when it is imported."""
    package = Path(accord.__file__).parent
    for file in package.rglob("*.py"):
        if "Statement(" in file.read_text():
            module = importlib.import_module(".".join(("accord", *file.relative_to(package).with_suffix("").parts)))
            for value in vars(module).values():
                inner = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]
                yield from (one for one in inner if isinstance(one, Statement))


def test_every_statement_is_understood_without_a_search_path(service):
    statements = [one for one in set(compiled_statements()) if not one.sql.startswith(CONTROL)]

    with psycopg.connect(service.database_url, autocommit=True, options="-c search_path=") as connection:
        refused = {
            one.sql.decode(): response.error_message.decode()
            for one in statements
            if (response := connection.pgconn.prepare(b"", one.sql)).error_message
        }

    assert len(statements) > 80
    assert refused == {}


def test_every_table_is_in_the_schema():
    tables = load_all_tables().tables

    assert {table.schema for table in tables.values()} == {"accord"}
    assert {key.column.table for table in tables.values() for key in table.foreign_keys} <= set(tables.values())
