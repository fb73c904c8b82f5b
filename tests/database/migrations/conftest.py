import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from accord.database.migrations import runner


@pytest.fixture
def empty(service) -> Iterator[str]:
    """The URL of a database that was never migrated, on the PostgreSQL of the service."""
    name = f"migrations_{secrets.token_hex(4)}"
    with psycopg.connect(service.database_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield psycopg.conninfo.make_conninfo(service.database_url, dbname=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def alembic() -> Callable[..., Any]:
    """`alembic(url, "downgrade", "-1")` runs one of Alembic's commands."""

    def run(url: str, command: str, revision: str) -> None:
        with connected(url) as connection:
            runner.run(connection, command, revision)

    return run


@contextmanager
def connected(url: str) -> Iterator[Any]:
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection
