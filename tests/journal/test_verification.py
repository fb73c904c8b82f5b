"""J-3: whatever is done to the journal behind our backs, verification names the position."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from given import Given
from ledger import until_alone
from psycopg import conninfo

from accord import settings
from accord.database.database import Database
from accord.database.migrations import runner
from accord.journal import checkpoints, partitions, pruning
from accord.journal.keys import JournalKeys, endorse_predecessors, known
from accord.journal.reading import sequencer_state
from accord.journal.sequencing import assign_positions
from accord.journal.verification import Verdict, verify
from accord.security.tokens import AccessTokens

INSERT = (
    "INSERT INTO accord.journal (request_id, actor_kind, operation"
    ", record_table, record_id, record_version, kind, fields)"
    " VALUES ('test', 'system', 'test', 'users', gen_random_uuid(), %s, 'updated', %s)"
)
INSERT_INTO_JANUARY = INSERT.replace("(request_id", "(at, request_id").replace("('test'", "('2025-01-15', 'test'")


class Book:
    """A journal of its own, in a database of its own, that the test sequences and tampers with."""

    def __init__(self, url: str, data_dir: Path) -> None:
        self.url, self.data_dir = url, data_dir
        self.database = Database(url, 2)
        self.configure()

    def configure(self, **environ: str) -> None:
        """Take the keys as a process does that starts with this environment."""
        loaded = settings.load({"DATA_DIR": str(self.data_dir), **environ})
        self.keys = JournalKeys(loaded, AccessTokens(loaded))

    async def write(self, count: int) -> None:
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            for number in range(count):
                await connection.execute(INSERT, [number + 1, '{"name": "Ada", "at": 1.5}'])
            await until_alone(connection)
            while await assign_positions(connection) is not None:
                pass

    async def tamper(self, *statements: str) -> None:
        """Do what only a superuser can: with the triggers off."""
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            await connection.execute("SET session_replication_role = replica")
            for statement in statements:
                await connection.execute(statement)

    async def sign(self) -> None:
        state = await sequencer_state(self.database)
        kept = await checkpoints.load_checkpoints(self.database, self.data_dir)
        await endorse_predecessors(self.database, self.data_dir, self.keys, kept, state.position)
        await checkpoints.save_checkpoint(
            self.database, self.data_dir, checkpoints.sign(self.keys, state.position, state.hash)
        )

    async def verdict(self) -> Verdict:
        kept = await checkpoints.load_checkpoints(self.database, self.data_dir)
        return await verify(self.database, kept, await known(self.database, self.data_dir, self.keys, kept))


@pytest.fixture
async def book(given: Given, tmp_path: Path) -> AsyncIterator[Book]:
    name = f"book_{secrets.token_hex(8)}"
    await given.sql(f"CREATE DATABASE {name} TEMPLATE template0")
    url = conninfo.make_conninfo(given.service.database_url, dbname=name)
    await asyncio.to_thread(runner.upgrade, url)
    opened = Book(url, tmp_path)
    await opened.database.open()
    try:
        yield opened
    finally:
        await opened.database.close()
        await given.sql(f"DROP DATABASE {name} WITH (FORCE)")


async def test_an_untouched_journal_is_sound(book):
    await book.write(20)
    await book.sign()
    await book.write(5)

    assert await book.verdict() == Verdict(25, 25)


@pytest.mark.parametrize(
    ("tampering", "position"),
    [
        ('UPDATE accord.journal SET fields = \'{"name": "Eve"}\' WHERE id = 7', 7),
        ("UPDATE accord.journal SET actor_kind = 'user' WHERE id = 1", 1),
        ("UPDATE accord.journal SET record_version = 99 WHERE id = 20", 20),
        ("DELETE FROM accord.journal WHERE id = 7", 7),
        ("DELETE FROM accord.journal_positions WHERE position = 7", 7),
        ("UPDATE accord.journal_positions SET hash = sha256('x') WHERE position = 12", 12),
        ("UPDATE accord.journal SET at = at + interval '1 microsecond' WHERE id = 9", 9),
    ],
)
async def test_an_edited_or_deleted_entry_is_found_at_its_position(book, tampering, position):
    await book.write(20)

    await book.tamper(tampering)

    verdict = await book.verdict()
    assert verdict.broken_at == position
    assert verdict.verified == position - 1


async def test_swapped_entries_are_found_at_the_first_of_them(book):
    await book.write(20)

    await book.tamper(
        "UPDATE accord.journal_positions SET position = -1 WHERE position = 8",
        "UPDATE accord.journal_positions SET position = 8 WHERE position = 13",
        "UPDATE accord.journal_positions SET position = 13 WHERE position = -1",
    )

    assert (await book.verdict()).broken_at == 8


async def test_a_truncated_tail_is_found_even_when_the_sequencer_is_set_back(book):
    await book.write(20)
    await book.sign()

    await book.tamper(
        "DELETE FROM accord.journal WHERE id > 15",
        "DELETE FROM accord.journal_positions WHERE position > 15",
        "DELETE FROM accord.journal_checkpoints",
        "UPDATE accord.journal_sequencer SET position = 15, hash = (SELECT hash"
        " FROM accord.journal_positions WHERE position = 15)",
    )

    assert await book.verdict() == Verdict(15, 15, 16, "the entries from here on were cut off")


async def test_a_chain_that_was_computed_again_differs_from_the_signed_checkpoint(book):
    await book.write(20)
    await book.sign()
    before = await sequencer_state(book.database)

    await book.tamper(
        "UPDATE accord.journal SET fields = '{}' WHERE id = 7",
        "DELETE FROM accord.journal_positions WHERE position >= 7",
        "UPDATE accord.journal_sequencer SET position = 6, low_transaction_id = '0',"
        " hash = (SELECT hash FROM accord.journal_positions WHERE position = 6)",
    )
    await book.write(0)

    assert (await sequencer_state(book.database)).position == before.position
    assert (await book.verdict()).broken_at == 20


async def test_a_forged_checkpoint_is_refused(book):
    await book.write(5)
    await book.sign()

    await book.tamper("UPDATE accord.journal_checkpoints SET hash = sha256('x')")

    assert (await book.verdict()).broken_at == 5


async def test_the_rest_stays_verifiable_after_old_months_were_pruned(book):
    old = partitions.Month(2025, 1)
    await book.tamper(*partitions.create(old))
    async with await psycopg.AsyncConnection.connect(book.url, autocommit=True) as connection:
        for _ in range(3):
            await connection.execute(
                INSERT.replace("(request_id", "(at, request_id").replace("('test'", "('2025-01-15', 'test'"), [1, "{}"]
            )
    await book.write(10)

    pruned = await pruning.prune(book.database, book.data_dir, old.next.first, book.keys)

    assert [(p.month, p.entries) for p in pruned] == [(old, 3)]
    assert await book.verdict() == Verdict(10, 13)
    await book.tamper("DELETE FROM accord.journal WHERE id = 7")
    assert (await book.verdict()).broken_at == 7


@pytest.mark.parametrize(
    "statement", ["UPDATE accord.journal SET kind = 'event'", "DELETE FROM accord.journal", "TRUNCATE accord.journal"]
)
async def test_the_journal_refuses_to_be_changed(given, statement):
    await given.an_account()

    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        await given.sql(statement)


async def test_the_command_says_that_the_journal_is_sound(given):
    await given.an_account()

    done = await asyncio.to_thread(given.service.command, "journal", "verify")

    assert done.returncode == 0, done.stderr
    assert "The journal is sound" in done.stdout
