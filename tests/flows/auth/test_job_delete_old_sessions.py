"""The task deleteOldSessions: sessions that were over long ago go with their refresh tokens; all others stay."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from ledger import Ledger

from accord.database.database import Database
from accord.database.transaction import Transaction
from accord.flows.auth import queries, rules

USER = (
    "INSERT INTO accord.users (id, email, email_key"
    ", password_hash, first_name, last_name, role, created_at, updated_at)"
    " VALUES (gen_random_uuid(), 'a', 'a', '', 'Ada', 'Lovelace', 'customer', now(), now())"
)
SESSIONS = (
    "INSERT INTO accord.sessions (id, user_id, address, user_agent, current_token_hash,"
    " created_at, last_active_at, expires_at, ended_at)"
    " SELECT gen_random_uuid(), users.id, '', '', '', now(), {active}, {expires}, {ended}"
    " FROM accord.users, generate_series(1, {count}) AS number RETURNING id"
)
TOKENS = (
    "INSERT INTO accord.refresh_tokens (token_hash, session_id)"
    " SELECT sha256(convert_to(id::text || number, 'UTF8')), id"
    " FROM unnest(%s::uuid[]) AS id, generate_series(1, %s) AS number"
)
OVER = {"ended": "now() - interval '31 days' - number * interval '1 second'"}
EVERYTHING = "(now() - interval '30 days', 1000, 5000)"


class Book:
    """Sessions of one person, in a database of their own."""

    def __init__(self, ledger: Ledger, database: Database) -> None:
        self.ledger, self.database = ledger, database

    async def sql(self, statement: str, *values: Any) -> list[Any]:
        connection = await self.ledger.connect()
        cursor = await connection.execute(statement, values or None)
        rows = await cursor.fetchall() if cursor.description else []
        await connection.close()
        return rows

    async def add(
        self,
        count: int = 1,
        *,
        tokens: int = 2,
        active: str = "now()",
        expires: str = "now() + interval '1 day'",
        ended: str = "NULL",
    ) -> list[UUID]:
        """Write sessions; times are SQL, in which `number` counts them."""
        rows = await self.sql(SESSIONS.format(count=count, active=active, expires=expires, ended=ended))
        ids = [session for (session,) in rows]
        await self.sql(TOKENS, ids, tokens)
        return ids

    async def left(self) -> tuple[set[UUID], set[UUID]]:
        """Return the sessions that are there, and those that have tokens."""
        sessions = await self.sql("SELECT id FROM accord.sessions")
        with_tokens = await self.sql("SELECT session_id FROM accord.refresh_tokens")
        return {session for (session,) in sessions}, {session for (session,) in with_tokens}

    async def count(self) -> tuple[int, int]:
        [row] = await self.sql(
            "SELECT (SELECT count(*) FROM accord.sessions), (SELECT count(*) FROM accord.refresh_tokens)"
        )
        return row

    async def forget(self) -> bool:
        return await forget(self.database)


async def forget(database: Database) -> bool:
    return await rules.delete_sessions_over_before(database, datetime.now(UTC) - timedelta(days=30))


@pytest.fixture
async def book(ledger: Ledger) -> AsyncIterator[Book]:
    database = Database(ledger.url, 2)
    await database.open()
    book = Book(ledger, database)
    await book.sql(USER)
    yield book
    await database.close()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two sessions and five tokens be the most that go at a time."""
    monkeypatch.setattr(rules, "MAX_DELETED_SESSIONS", 2)
    monkeypatch.setattr(rules, "MAX_DELETED_TOKENS", 5)


async def test_sessions_ended_long_ago_are_deleted_with_their_tokens_and_others_stay(book):
    old, recent = "now() - interval '30 days 1 minute'", "now() - interval '29 days 23 hours'"
    await book.add(2, ended=old)
    await book.add(2, expires=old)
    await book.add(2, expires=old, ended=recent)
    stay = {
        *await book.add(2),
        *await book.add(2, ended=recent),
        *await book.add(2, expires=recent),
        # Idleness is a setting that may be raised; until it expires such a session may come to life.
        *await book.add(2, active=old),
    }

    assert await book.forget() is False

    assert await book.left() == (stay, stay)


@pytest.mark.usefixtures("small")
async def test_the_oldest_go_first(book):
    *newer, _, _ = await book.add(5, tokens=1, **OVER)

    assert await book.forget() is True

    assert await book.left() == (set(newer), set(newer))


@pytest.mark.usefixtures("small")
async def test_only_so_many_go_at_a_time(book):
    await book.add(5, tokens=12, **OVER)
    left = [await book.count()]

    while await book.forget():
        left.append(await book.count())

    gone = [(before[0] - after[0], before[1] - after[1]) for before, after in pairwise(left)]
    assert max(sessions for sessions, _ in gone) <= 2
    assert max(tokens for _, tokens in gone) == 5
    assert await book.count() == (0, 0)


async def test_an_index_leads_to_them_however_many_live(book):
    await book.add(20_000, tokens=1)

    for statement, values in [
        (queries._DELETE_OLD_TOKENS, EVERYTHING),
        (queries._DELETE_OLD_SESSIONS, EVERYTHING.replace(", 5000", "")),
    ]:
        connection = await book.ledger.connect()
        await connection.execute(b"PREPARE forget AS " + statement.sql)
        plan = await (await connection.execute(f"EXPLAIN EXECUTE forget {values}".encode())).fetchall()
        text = "\n".join(line for (line,) in plan)
        assert "Index Scan using sessions_over_at_idx" in text
        assert "Seq Scan" not in text


@pytest.mark.usefixtures("small")
async def test_processes_do_not_wait_for_sessions_that_another_one_is_deleting(book):
    await book.add(2, tokens=2, **OVER)
    moment = datetime.now(UTC) - timedelta(days=30)
    other = Transaction(book.database)
    await other.run(queries._DELETE_OLD_TOKENS, moment=moment, sessions=2, tokens=3)

    async with asyncio.timeout(60):
        await book.forget()

    # One token was left to it, and with its own still in sight, neither session could go.
    assert await book.count() == (2, 3)
    await other.commit()
    await book.forget()
    assert await book.count() == (0, 0)


@pytest.mark.usefixtures("small")
async def test_deleting_does_not_wait_for_a_token_in_use(book):
    await book.add(2, tokens=1, **OVER)
    holder = await book.ledger.connect(autocommit=False)
    await holder.execute(
        "SELECT FROM accord.refresh_tokens JOIN accord.sessions ON sessions.id = session_id LIMIT 1 FOR UPDATE"
    )

    async with asyncio.timeout(60):
        await book.forget()

    assert await book.count() == (1, 1)
    await holder.rollback()
    await book.forget()
    assert await book.count() == (0, 0)


@pytest.mark.usefixtures("small")
async def test_several_processes_at_once_delete_everything_that_is_old_and_nothing_else(book):
    stay = set(await book.add(20))
    await book.add(60, tokens=3, **OVER)
    databases = [Database(book.ledger.url, 2) for _ in range(3)]
    await asyncio.gather(*(database.open() for database in databases))

    async def forget_all(database: Database) -> None:
        while (await book.count())[0] > len(stay):
            await forget(database)

    async with asyncio.timeout(60):
        await asyncio.gather(*(forget_all(database) for database in databases))

    assert await book.left() == (stay, stay)
    await asyncio.gather(*(database.close() for database in databases))


async def test_a_job_deletes_until_no_old_session_is_left(given):
    me = await given.an_account()
    values = "gen_random_uuid(), %s, '', '', '', now(), now(), now() + interval '1 day', {ended}"
    add = (
        "INSERT INTO accord.sessions (id, user_id, address, user_agent, current_token_hash, created_at,"
        " last_active_at, expires_at, ended_at) SELECT {values} FROM generate_series(1, {count})"
    )
    for ended, count in [("now() - interval '31 days'", 2500), ("now() - interval '29 days'", 3)]:
        await given.sql(add.format(values=values.format(ended=ended), count=count), me.id)

    job = await given.jobs.run("deleteOldSessions")

    left = await given.sql("SELECT count(*) FROM accord.sessions WHERE user_id = %s", me.id)
    assert (job.state, left) == ("completed", [(4,)])


async def test_a_process_keeps_them_for_as_long_as_its_setting_says(book, workers, until):
    stay = set(await book.add(ended="now() - interval '1 hour'"))
    await book.add(ended="now() - interval '3 hours'")
    await book.sql(
        "INSERT INTO accord.jobs (id, task, queue, request_id, args, state, is_ready, run_at)"
        " VALUES (gen_random_uuid(), 'deleteOldSessions', 'default', '', '{}', 'queued', true, now())"
    )

    workers.run("worker", "worker", SESSION_RETENTION="2h")

    left = await until(book.left, lambda left: len(left[0]) == 1)
    assert left == (stay, stay)
