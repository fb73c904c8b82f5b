"""What reads are made through: the pool, or the transaction that a flow has begun."""

from typing import Any, Protocol

from accord.database.statement import Statement


class Reader(Protocol):
    """Runs statements that only read."""

    async def one(self, statement: Statement, **values: Any) -> Any:
        """Return the first row, or None."""
        ...

    async def all(self, statement: Statement, **values: Any) -> list[Any]:
        """Return all rows."""
        ...
