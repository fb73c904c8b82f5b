"""What the limit programs share: the plainest way to the same response."""

import json
import os
from pathlib import Path
from typing import Any

from psycopg import AsyncRawCursor
from psycopg_pool import AsyncConnectionPool

_properties = (
    "id",
    "email",
    "firstName",
    "lastName",
    "role",
    "emailVerifiedAt",
    "disabledAt",
    "createdBy",
    "createdAt",
    "updatedAt",
    "version",
)
_columns = (0, 1, 4, 5, 6, 7, 8, 10, 11, 12, 13)


def user(row: Any) -> dict[str, Any]:
    """Return the response for a row of `users`."""
    return {name: row[column] for name, column in zip(_properties, _columns, strict=True)}


def response_headers() -> list[tuple[bytes, bytes]]:
    """Return the headers of Accord's response, so that both send the same bytes; the length is each response's own."""
    return [(name.encode(), value.encode()) for name, value in json.loads(os.environ["RESPONSE_HEADERS"])]


def accounts_by_token() -> dict[bytes, str]:
    """Return the ids of users by the whole value of the Authorization header."""
    known = json.loads(Path(os.environ["ACCOUNTS"]).read_text())
    return {f"Bearer {token}".encode(): user_id for token, user_id in known.items()}


async def opened_pool() -> AsyncConnectionPool[Any]:
    """Return a pool as large as Accord's, in autocommit, with prepared statements."""
    size = int(os.environ["DATABASE_POOL_SIZE"])
    settings = {
        "autocommit": True,
        "prepare_threshold": 0,
        "options": "-c timezone=UTC",
        # Takes Accord's statements as they are, with `$1`.
        "cursor_factory": AsyncRawCursor,
    }
    pool = AsyncConnectionPool(os.environ["DATABASE_URL"], min_size=2, max_size=size, open=False, kwargs=settings)
    await pool.open(wait=True)
    return pool
