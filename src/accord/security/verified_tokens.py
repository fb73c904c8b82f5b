"""A cache of verified access tokens: a token costs a signature and a query once, and then a hash.

A session that ends is refused at once in the process that ended it, and within a second in all others (S-6). The first
learns of the end by the flow's commit, or by the worker's response. The others poll: each process asks the database
several times a second for recently ended sessions. The cache is trusted only while the last poll is recent; without the
database, the session of each request is looked up, and that fails.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Generic, NamedTuple, TypeVar

from accord import clock
from accord.problems import InvalidToken, TokenExpired
from accord.security.tokens import AccessTokens, Claims
from accord.telemetry import logs

_Caller = TypeVar("_Caller")
_INTERVAL = 0.4  # seconds between two polls
_SLOW_LOAD = 5.0  # seconds
WINDOW = 60.0
"""Seconds to look back for ended sessions: longer than the longest transaction that ends one may take."""


class _Entry(NamedTuple, Generic[_Caller]):
    claims: Claims
    caller: _Caller


class VerifiedTokens(Generic[_Caller]):
    """Returns the caller of a token, of the type that `load_session` returns."""

    def __init__(
        self,
        tokens: AccessTokens,
        load_session: Callable[[Claims], Awaitable[_Caller | None]],
        ended_since: Callable[[float], Awaitable[Collection[str]]],
        *,
        limit: int = 50_000,
        trusted_for: float = 0.9,
    ) -> None:
        """Take a function that loads a session (None: ended), and one that lists the recently ended sessions.

        `ended_since(seconds)` must name every session whose caller differs from the one that `load_session` returned:
        also sessions of accounts that were disabled, or whose role changed. `limit` is a number of tokens; the cache is
        trusted for `trusted_for` seconds after a poll.
        """
        self._tokens, self._load_session, self._ended_since = tokens, load_session, ended_since
        self._limit, self._trusted_for = limit, trusted_for
        self._entries: OrderedDict[bytes, _Entry[_Caller]] = OrderedDict()
        self._of_session: dict[str, set[bytes]] = {}
        # The time when this process ended each session, kept for as long as a slow load may still cache its token.
        self._ended_at: OrderedDict[str, float] = OrderedDict()
        self._asked_at = float("-inf")
        self.when_ended: list[Callable[[Iterable[str]], object]] = []
        """Called with the recently ended sessions, each repeatedly during WINDOW."""
        self.when_in_doubt: list[Callable[[], object]] = []
        """Called when sessions may have ended that no poll named."""

    def sizes(self) -> tuple[int, int]:
        """Return the number of cached tokens, and of their sessions."""
        return len(self._entries), len(self._of_session)

    async def caller_of(self, token: str) -> _Caller:
        """Return the caller. Raises InvalidToken, TokenExpired, and the errors of `load_session`."""
        key = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        entry = self._entries.get(key)
        if entry is None:
            return await self._load(key, self._tokens.verify(token))
        if entry.claims.expires_at <= clock.time():
            self._drop(key, entry)
            raise TokenExpired
        if time.monotonic() - self._asked_at > self._trusted_for:
            return await self._load(key, entry.claims)
        self._entries.move_to_end(key)
        return entry.caller

    def end(self, session_ids: Collection[str]) -> None:
        """Refuse the tokens of sessions that ended just now, and report the sessions, without waiting for a poll."""
        now = time.monotonic()
        while self._ended_at and next(iter(self._ended_at.values())) < now - _SLOW_LOAD:
            self._ended_at.popitem(last=False)
        for session_id in session_ids:
            self._ended_at[session_id] = now
        self.revoke(session_ids)
        for tell in self.when_ended:
            tell(session_ids)

    def revoke(self, session_ids: Iterable[str]) -> None:
        """Drop the tokens of these sessions from the cache; other processes learn of the end by their polls."""
        for session_id in session_ids:
            for key in self._of_session.pop(session_id, ()):
                self._entries.pop(key, None)

    async def follow(self) -> None:
        """Poll for ended sessions; run this as a task for as long as the process serves."""
        while True:
            started = time.monotonic()
            try:
                async with asyncio.timeout(2 * self._trusted_for):
                    self._polled(await self._ended_since(WINDOW), started)
            except Exception as error:  # noqa: BLE001  after any error, tokens are looked up until a poll succeeds
                logs.debug("Ended sessions could not be read.", reason=type(error).__name__)
            await asyncio.sleep(max(0.0, started + _INTERVAL - time.monotonic()))

    def _polled(self, ended: Collection[str], asked_at: float) -> None:
        if asked_at - self._asked_at > WINDOW / 2:
            # Sessions may have ended that no poll named.
            self._entries.clear()
            self._of_session.clear()
            for doubt in self.when_in_doubt:
                doubt()
        self.revoke(ended)
        for tell in self.when_ended:
            tell(ended)
        self._asked_at = asked_at

    async def _load(self, key: bytes, claims: Claims) -> _Caller:
        started = time.monotonic()
        caller = await self._load_session(claims)
        if caller is None:
            self.revoke([claims.session_id])
            raise InvalidToken
        # A session that ended during the load is named by every poll for as long as WINDOW. Only a load of nearly
        # that time must not be cached, nor a session that this process ended meanwhile.
        if time.monotonic() - started < _SLOW_LOAD and self._ended_at.get(claims.session_id, 0.0) < started:
            self._keep(key, _Entry(claims, caller))
        return caller

    def _keep(self, key: bytes, entry: _Entry[_Caller]) -> None:
        self._entries[key] = entry
        self._of_session.setdefault(entry.claims.session_id, set()).add(key)
        if len(self._entries) > self._limit:
            self._drop(*next(iter(self._entries.items())))

    def _drop(self, key: bytes, entry: _Entry[_Caller]) -> None:
        self._entries.pop(key, None)
        keys = self._of_session.get(entry.claims.session_id)
        if keys is not None:
            keys.discard(key)
            if not keys:
                del self._of_session[entry.claims.session_id]
