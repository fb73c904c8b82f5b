"""Alembic's environment: tables are found by walking the domains; the lock and the timeouts are set here."""

import os

from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection

from accord.database.schema import load_all_tables
from accord.migrations.runner import LOCK_TIMEOUT, engine_url

config = context.config


def _is_ours(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """Leave the journal's partitions alone: the relay makes them as time goes on."""
    return not ((kind == "table" and name is not None and name.startswith("journal_p2")) or name == "journal_default")


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=load_all_tables(),
        compare_type=True,
        include_object=_is_ours,
        transaction_per_migration=True,
    )
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}s'"))
    connection.commit()
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    with create_engine(engine_url(os.environ["DATABASE_URL"])).connect() as own:
        _run(own)
