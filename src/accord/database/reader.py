"""The source of reads: the pool, or the transaction that a flow has begun."""

from typing import Any, Protocol

from accord.database.statement import Row, Statement


class Reader(Protocol):
    """Runs statements that only read."""

    async def one(self, statement: Statement[Row], **values: Any) -> Row | None:
        """Return the first row, or None."""
        ...

    async def all(self, statement: Statement[Row], **values: Any) -> list[Row]:
        """Return all rows."""
        ...
