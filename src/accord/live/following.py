"""The live part of a process: the hub, and the sockets and streams that serve it."""

import asyncio
from collections.abc import Awaitable, Callable

from accord import clock
from accord.context import SignedIn
from accord.contract.operations import Operation
from accord.database.database import Database
from accord.dispatch import Dispatch
from accord.flows.changes.queries import take_ticket_unless_expired
from accord.flows.changes.rules import TICKET_PREFIX
from accord.journal.tail import JournalTail
from accord.live.hub import Hub
from accord.live.sockets import Identity, Sockets
from accord.live.streams import Streams
from accord.live.subscriptions import Subscriptions
from accord.problems import InvalidToken, Problem
from accord.security.opaque_tokens import token_hash
from accord.security.tokens import AccessTokens
from accord.security.verified_tokens import VerifiedTokens

CallerOfSession = Callable[[str], Awaitable[SignedIn | None]]


class Live:
    """Puts hub, sockets and streams together, and closes the connections of ended sessions."""

    def __init__(
        self,
        tail: JournalTail,
        database: Database,
        dispatch: Dispatch,
        stream_changes: Operation,
        signed: AccessTokens,
        verified: VerifiedTokens[SignedIn],
        *,
        caller_of_session: CallerOfSession,
        token_life: float,
    ) -> None:
        """Take the parts; `caller_of_session` looks a session up, `token_life` is that of access tokens in seconds."""
        self._database = database
        self._signed = signed
        self._verified = verified
        self._caller_of_session = caller_of_session
        self._token_life = token_life
        self._looking: asyncio.Task[None] | None = None
        self.hub = Hub(tail)
        subscriptions = Subscriptions(self.hub, database.background, dispatch, stream_changes)
        self.sockets = Sockets(self.hub, subscriptions, self._identify)
        self.streams = Streams(self.hub, subscriptions)
        verified.when_ended.append(self.hub.sessions_ended)
        verified.when_in_doubt.append(self._recheck_sessions)

    async def _identify(self, token: str) -> Identity:
        """Return the identity of a token or ticket; a ticket lasts as long as an access token."""
        if token.startswith(TICKET_PREFIX):
            return await self._redeem(token)
        claims = self._signed.verify(token)
        return Identity(await self._verified.caller_of(token), claims.expires_at)

    async def _redeem(self, ticket: str) -> Identity:
        session_id = await take_ticket_unless_expired(self._database, token_hash(ticket), clock.now())
        caller = None if session_id is None else await self._caller_of_session(str(session_id))
        if caller is None:
            raise InvalidToken("The ticket was used, has expired or never existed; get another one.")
        return Identity(caller, clock.time() + self._token_life)

    def _recheck_sessions(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._close_ended_sessions())

    async def _close_ended_sessions(self) -> None:
        for session_id in self.hub.sessions():
            try:
                has_ended = await self._caller_of_session(session_id) is None
            except Problem:
                # The database is away again; the next recovery brings another look.
                return
            if has_ended:
                self.hub.sessions_ended([session_id])
