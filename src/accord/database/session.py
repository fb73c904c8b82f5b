"""The settings of every connection, whatever the defaults of the server, the database and the role are.

A statement sets them rather than the startup parameter `options`, which PgBouncer refuses.
"""

from collections.abc import Mapping
from typing import Any

from psycopg import errors
from sqlalchemy import text

from accord.database.connection import Call, Connection
from accord.database.statement import Statement

# A machine that vanished says nothing: without these, a statement would wait for it until the request's deadline.
CONNECT: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "accord",
}
_READ_ONLY = "current_setting('transaction_read_only') = 'on' AS read_only"


class ReadOnly(errors.ReadOnlySqlTransaction):
    """The server is a standby, or an operator made it read-only."""

    def __init__(self) -> None:
        """Say so in words for the log."""
        super().__init__("The server takes no writes: it is a standby, or default_transaction_read_only is on.")


class Session:
    """Sets connections up, and refuses servers that are not to be used."""

    def __init__(self, settings: Mapping[str, str], *, for_reading: bool) -> None:
        """Take settings by name; for reading, a server that takes no writes will do."""
        self._for_reading = for_reading
        columns = (f"set_config('{name}', :{name}, false) AS {name}" for name in settings)
        self._call: Call = (Statement(text(f"SELECT {', '.join([_READ_ONLY, *columns])}")), settings)

    async def begin(self, connection: Connection) -> None:
        """Set a new connection up. Raises ReadOnly, and whatever psycopg raises."""
        [outcome] = await connection.run(self._call)
        [[is_read_only, *_]] = outcome.rows
        if is_read_only and not self._for_reading:
            raise ReadOnly
