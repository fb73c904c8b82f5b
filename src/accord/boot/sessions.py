"""The sessions, as a process reads them outside of flows."""

from datetime import timedelta

from accord import clock
from accord.context import SignedIn
from accord.database.database import Database
from accord.flows.auth.queries import ended_since, live_session
from accord.flows.auth.rules import note_use
from accord.security.tokens import Claims


class Sessions:
    """Reads sessions and their callers."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    async def load(self, claims: Claims) -> SignedIn | None:
        """Return the caller of a verified token, or None when its session ended; record that the token is in use."""
        row = await live_session(self._database, claims.session_id, clock.now())
        if row is None:
            return None
        # Before the token counts: a client that got a response with it has shown that its refresh arrived.
        await note_use(self._database, claims.session_id, row, claims.generation)
        return SignedIn.user(str(row.id), row.role, claims.session_id)

    async def caller_of(self, session_id: str) -> SignedIn | None:
        """Return the caller of a session, or None when the session ended."""
        row = await live_session(self._database, session_id, clock.now())
        return None if row is None else SignedIn.user(str(row.id), row.role, session_id)

    async def ended_within(self, window: float) -> list[str]:
        """Return the sessions that ended in the last `window` seconds."""
        return await ended_since(self._database, clock.now() - timedelta(seconds=window))
