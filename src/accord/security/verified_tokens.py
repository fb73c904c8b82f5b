"""Access tokens that were verified before: a token costs a signature and a query once, and then a hash.

A session that ends must be refused at once in the process that answered, and within a second in every other (S-6).
The one is told by the flow's commit, or by the worker's answer. The others ask: each process asks the database
several times a second which sessions ended lately, and what is cached counts only while such an answer is
younger than that: when the database cannot be asked, the session of each request is looked up again, which
then says so.
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
_INTERVAL = 0.4
_TRUSTED_FOR = 0.9
_SLOW_LOAD = 5.0
WINDOW = 60.0
"""Seconds to look back for ended sessions: longer than the longest transaction that ends one may take."""


class _Entry(NamedTuple, Generic[_Caller]):
    claims: Claims
    caller: _Caller


class VerifiedTokens(Generic[_Caller]):
    """Gives the caller of a token; what a caller is, `load_session` decides."""

    def __init__(
        self,
        tokens: AccessTokens,
        load_session: Callable[[Claims], Awaitable[_Caller | None]],
        ended_since: Callable[[float], Awaitable[Collection[str]]],
        *,
        most: int = 50_000,
    ) -> None:
        """Take how to look a session up (None: it has ended), and how to list those that ended lately.

        `ended_since(seconds)` must name every session whose caller is no longer what `load_session` said:
        also those of accounts that were disabled, or whose role changed.
        """
        self._tokens, self._load_session, self._ended_since = tokens, load_session, ended_since
        self._most = most
        self._entries: OrderedDict[bytes, _Entry[_Caller]] = OrderedDict()
        self._of_session: dict[str, set[bytes]] = {}
        # When each session ended that this process heard of by itself, for as long as a slow look may keep its token.
        self._ended_at: OrderedDict[str, float] = OrderedDict()
        self._asked_at = float("-inf")
        self.when_ended: list[Callable[[Iterable[str]], object]] = []
        """Told the sessions that ended lately, each again and again for as long as WINDOW."""
        self.when_in_doubt: list[Callable[[], object]] = []
        """Called when sessions may have ended that no answer named."""

    async def caller_of(self, token: str) -> _Caller:
        """Return the caller. Raises InvalidToken, TokenExpired, and whatever `load_session` raises."""
        key = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        entry = self._entries.get(key)
        if entry is None:
            return await self._load(key, self._tokens.verify(token))
        if entry.claims.expires_at <= clock.time():
            self._drop(key, entry)
            raise TokenExpired
        if time.monotonic() - self._asked_at > _TRUSTED_FOR:
            return await self._load(key, entry.claims)
        self._entries.move_to_end(key)
        return entry.caller

    def end(self, session_ids: Collection[str]) -> None:
        """Refuse the tokens of sessions that ended just now, and tell of them, without waiting for the database."""
        now = time.monotonic()
        while self._ended_at and next(iter(self._ended_at.values())) < now - _SLOW_LOAD:
            self._ended_at.popitem(last=False)
        for session_id in session_ids:
            self._ended_at[session_id] = now
        self.revoke(session_ids)
        for tell in self.when_ended:
            tell(session_ids)

    def revoke(self, session_ids: Iterable[str]) -> None:
        """Forget the tokens of these sessions; other processes hear of it from the database."""
        for session_id in session_ids:
            for key in self._of_session.pop(session_id, ()):
                self._entries.pop(key, None)

    async def follow(self) -> None:
        """Ask again and again which sessions ended; run this as a task for as long as the process serves."""
        while True:
            started = time.monotonic()
            try:
                async with asyncio.timeout(2 * _TRUSTED_FOR):
                    self._heard(await self._ended_since(WINDOW), started)
            except Exception as error:  # noqa: BLE001  whatever it is, tokens are looked up until it is over
                logs.debug("Ended sessions could not be read.", reason=type(error).__name__)
            await asyncio.sleep(max(0.0, started + _INTERVAL - time.monotonic()))

    def _heard(self, ended: Collection[str], asked_at: float) -> None:
        if asked_at - self._asked_at > WINDOW / 2:
            # Sessions may have ended that no answer named.
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
        # The session may have ended after it was read and been named before it is kept here; then it is named
        # again, for as long as WINDOW. Only what took nearly that long must not be kept, nor what ended here meanwhile.
        if time.monotonic() - started < _SLOW_LOAD and self._ended_at.get(claims.session_id, 0.0) < started:
            self._keep(key, _Entry(claims, caller))
        return caller

    def _keep(self, key: bytes, entry: _Entry[_Caller]) -> None:
        self._entries[key] = entry
        self._of_session.setdefault(entry.claims.session_id, set()).add(key)
        if len(self._entries) > self._most:
            self._drop(*next(iter(self._entries.items())))

    def _drop(self, key: bytes, entry: _Entry[_Caller]) -> None:
        self._entries.pop(key, None)
        keys = self._of_session.get(entry.claims.session_id)
        if keys is not None:
            keys.discard(key)
            if not keys:
                del self._of_session[entry.claims.session_id]
