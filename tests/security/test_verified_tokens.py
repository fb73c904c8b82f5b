import asyncio
import time
from collections.abc import Iterable

import pytest

from accord.problems import InvalidToken, ServiceUnavailable, TokenExpired
from accord.security.tokens import AccessTokens, Claims
from accord.security.verified_tokens import VerifiedTokens


class Sessions:
    """The database as far as verified tokens know it."""

    def __init__(self, tokens: AccessTokens) -> None:
        self.roles: dict[str, str] = {}
        self.ended: list[str] = []
        self.loads = 0
        self.is_away = False
        self.load_takes = 0.0
        self.tokens = tokens

    def begin(self, session_id: str, role: str = "customer", lifetime: int = 900) -> str:
        self.roles[session_id] = role
        return self.tokens.issue("user", session_id, time.time(), lifetime)

    def end(self, session_id: str) -> None:
        del self.roles[session_id]
        self.ended.append(session_id)

    async def load(self, claims: Claims) -> str | None:
        self.loads += 1
        if self.is_away:
            raise ServiceUnavailable
        role = self.roles.get(claims.session_id)
        await asyncio.sleep(self.load_takes)
        return role

    async def ended_since(self, _: float) -> Iterable[str]:
        if self.is_away:
            raise ServiceUnavailable
        return self.ended


@pytest.fixture
def sessions(settings) -> Sessions:
    return Sessions(AccessTokens(settings))


@pytest.fixture
async def process(sessions):
    """Start what a process runs: its cache and the task that follows the database."""
    followers = []

    async def start(**options) -> VerifiedTokens[str]:
        verified = VerifiedTokens(sessions.tokens, sessions.load, sessions.ended_since, **options)
        followers.append(asyncio.create_task(verified.follow()))
        await asyncio.sleep(0.01)
        return verified

    yield start
    for follower in followers:
        follower.cancel()


LONG = 60.0
"""Seconds: longer than this machine may pause between a poll and a request."""


async def test_a_session_is_looked_up_once(process, sessions):
    verified = await process(trusted_for=LONG)
    token = sessions.begin("s")

    callers = [await verified.caller_of(token) for _ in range(50)]

    assert set(callers) == {"customer"}
    assert sessions.loads == 1


async def test_a_verified_token_costs_little(process, sessions):
    verified = await process(trusted_for=LONG)
    token = sessions.begin("s")
    await verified.caller_of(token)

    async def seconds() -> float:
        started = time.thread_time()
        for _ in range(100):
            await verified.caller_of(token)
        return time.thread_time() - started

    # On a core, and at best: what else the machine does costs time, too.
    assert min([await seconds() for _ in range(20)]) / 100 < 20e-6


async def test_an_ended_session_is_refused_at_once_in_its_own_process(process, sessions):
    verified = await process()
    token = sessions.begin("s")
    await verified.caller_of(token)

    sessions.end("s")
    verified.revoke(["s"])

    with pytest.raises(InvalidToken):
        await verified.caller_of(token)


async def test_an_ended_session_is_refused_within_a_second_in_every_process(process, sessions):
    verified = [await process() for _ in range(3)]
    token = sessions.begin("s")
    for one in verified:
        await one.caller_of(token)

    sessions.end("s")
    await asyncio.sleep(1)

    for one in verified:
        with pytest.raises(InvalidToken):
            await one.caller_of(token)


async def test_a_changed_role_counts_within_a_second(process, sessions):
    verified = await process()
    token = sessions.begin("s")
    await verified.caller_of(token)

    sessions.roles["s"] = "admin"
    sessions.ended.append("s")
    await asyncio.sleep(1)

    assert await verified.caller_of(token) == "admin"


async def test_without_the_database_nothing_cached_is_trusted_for_long(process, sessions):
    verified = await process()
    token = sessions.begin("s")
    await verified.caller_of(token)

    sessions.is_away = True
    await asyncio.sleep(1)

    with pytest.raises(ServiceUnavailable):
        await verified.caller_of(token)


async def test_tokens_are_trusted_again_when_the_database_is_back(process, sessions, until):
    verified = await process()
    token = sessions.begin("s")
    sessions.is_away = True
    await asyncio.sleep(1)
    sessions.is_away = False

    async def is_trusted() -> bool:
        loads = sessions.loads
        await verified.caller_of(token)
        return sessions.loads == loads

    assert not await is_trusted()
    await until(is_trusted, bool)


async def test_a_session_that_ends_while_it_is_loaded_does_not_stay(process, sessions):
    verified = await process()
    token = sessions.begin("s")
    sessions.load_takes = 0.6

    first = asyncio.create_task(verified.caller_of(token))
    await asyncio.sleep(0.05)
    sessions.end("s")

    assert await first == "customer"
    await asyncio.sleep(0.6)

    with pytest.raises(InvalidToken):
        await verified.caller_of(token)


async def test_a_session_ended_while_it_is_loaded_is_not_cached(process, sessions):
    verified = await process()
    token = sessions.begin("s")
    sessions.load_takes = 0.05

    first = asyncio.create_task(verified.caller_of(token))
    await asyncio.sleep(0.02)
    sessions.roles.clear()
    verified.end(["s"])

    assert await first == "customer"
    with pytest.raises(InvalidToken):
        await verified.caller_of(token)


async def test_ended_sessions_are_reported_to_connection_holders(process):
    verified = await process()
    told = []
    verified.when_ended.append(told.extend)

    verified.end(["s"])

    assert told == ["s"]


async def test_a_cached_token_expires(process, sessions):
    verified = await process()
    token = sessions.begin("s", lifetime=2)
    await verified.caller_of(token)

    await asyncio.sleep(2)

    with pytest.raises(TokenExpired):
        await verified.caller_of(token)
    assert verified.sizes() == (0, 0)


async def test_memory_is_bounded(process, sessions):
    verified = await process(limit=10)

    for number in range(30):
        await verified.caller_of(sessions.begin(f"s{number}"))

    assert verified.sizes() == (10, 10)


async def test_a_bad_token_is_refused_and_not_kept(process):
    verified = await process()

    for token in ("", "a.b.c", "\ud800", "x" * 1_000_000):
        with pytest.raises(InvalidToken):
            await verified.caller_of(token)

    assert verified.sizes() == (0, 0)
