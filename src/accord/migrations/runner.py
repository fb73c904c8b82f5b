"""Runs migrations once, whoever starts first (O-9)."""

from pathlib import Path

import psycopg

VERSIONS = Path(__file__).parent / "versions"
LOCK_TIMEOUT = 5
"""Seconds a migration waits for a lock on a table before it gives up, rather than queueing up everybody behind it."""
ADVISORY_LOCK = 0x4143434F5244  # "ACCORD" in ASCII


def head() -> str:
    """Return the newest revision; files are named `NNNN_pre_…` or `NNNN_post_…`, so the last name is the newest."""
    return max(file.stem for file in VERSIONS.glob("[0-9]*.py"))


def current(url: str) -> str | None:
    """Return the revision the database is at, or None when it was never migrated."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if row is None else row[0]


def upgrade(url: str) -> bool:
    """Bring the database to the head; False when it was there. Processes that start together wait for one another."""
    if current(url) == head():
        return False
    from sqlalchemy import create_engine, text  # noqa: PLC0415 - slow to import, and not needed at the head

    engine = create_engine(engine_url(url))
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
        connection.commit()
        try:
            run(connection, "upgrade", "head")
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
            connection.commit()
    engine.dispose()
    return True


def run(connection: object, command: str, revision: str) -> None:
    """Run Alembic's `upgrade` or `downgrade` on this connection."""
    from alembic import command as alembic  # noqa: PLC0415 - slow to import, and not needed at the head
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(VERSIONS.parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    getattr(alembic, command)(config, revision)


def engine_url(url: str) -> str:
    """Return a libpq URL as SQLAlchemy wants it."""
    return "postgresql+psycopg://" + url.split("://", 1)[1]
