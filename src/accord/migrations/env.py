"""Alembic's environment: tables are found by walking the domains; the timeouts are set here."""

import os

from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection

from accord.database.schema import load_all_tables
from accord.migrations.comparison import OPTIONS
from accord.migrations.runner import LOCK_TIMEOUT

config = context.config


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=load_all_tables(),
        transaction_per_migration=True,
        **OPTIONS,
    )
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}s'"))
    connection.commit()
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    url = "postgresql+psycopg://" + os.environ["DATABASE_URL"].split("://", 1)[1]
    with create_engine(url).connect() as own:
        _run(own)
