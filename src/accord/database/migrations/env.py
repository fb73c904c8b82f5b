"""Alembic's environment: tables are found by walking the domains; the timeouts are set here."""

import os

from alembic import context
from alembic.util import CommandError
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection

from accord.database.migrations.comparison import OPTIONS
from accord.database.migrations.runner import LOCK_TIMEOUT, STILL_TIMEOUT, connect
from accord.database.schema import load_all_tables

config = context.config


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=load_all_tables(),
        transaction_per_migration=True,
        **OPTIONS,
    )
    if connection.scalar(text("SELECT to_regnamespace('accord') IS NULL")):
        # Alembic's own table lies in it, too. IF NOT EXISTS would ask for the right to create a schema that is there.
        connection.execute(text("CREATE SCHEMA accord"))
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}s'"))
    connection.execute(text(f"SET idle_in_transaction_session_timeout = '{STILL_TIMEOUT}s'"))
    connection.commit()
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    if "DATABASE_URL" not in os.environ:
        message = "Set DATABASE_URL, or run `accord db upgrade`, which starts the embedded PostgreSQL by itself."
        raise CommandError(message)
    engine = create_engine("postgresql+psycopg://", creator=lambda: connect(os.environ["DATABASE_URL"]))
    with engine.connect() as own:
        _run(own)
