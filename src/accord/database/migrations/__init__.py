"""Alembic migrations, and the fast path for a database that is at the head already."""
