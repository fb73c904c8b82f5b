"""Statements in one round trip, and what remains of a connection when one fails, is cancelled or is outdated."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import psycopg
import pytest
from sqlalchemy import Integer, Text, bindparam, column, insert, select, table, text
from sqlalchemy.dialects.postgresql import JSONB

from accord.database.connection import Connection
from accord.database.database import Database
from accord.database.statement import Statement
from accord.database.transaction import NotBegun, Opening, Transaction
from accord.problems import AlreadyExists, DeadlineExceeded, IdempotencyInProgress, ServiceUnavailable

_numbers = table("numbers", column("number", Integer), column("word", Text))
BEGIN, ROLLBACK = Statement(text("BEGIN")), Statement(text("ROLLBACK"))
ADD = Statement(insert(_numbers).values(number=bindparam("number"), word=bindparam("word")))
SQUARE = Statement(select((bindparam("number", type_=Integer) * bindparam("number", type_=Integer)).label("square")))
SAME = Statement(text("SELECT :value AS value").bindparams(bindparam("value", type_=JSONB)))
SLEEP = Statement(text("SELECT pg_sleep(30)"))
ALL = Statement(select(_numbers.c.number, _numbers.c.word).order_by(_numbers.c.number))


@pytest.fixture
async def connection(given) -> AsyncIterator[Connection]:
    async with await Connection.connect(given.service.database_url, autocommit=True) as connection:
        await connection.execute("CREATE TEMPORARY TABLE numbers (number integer PRIMARY KEY, word text)")
        yield connection


async def test_every_statement_has_its_own_outcome(connection):
    begun, added, all_, squared = await connection.run(
        (BEGIN, {}), (ADD, {"number": 1, "word": "one"}), (ALL, {}), (SQUARE, {"number": 12})
    )

    assert begun.tag == b"BEGIN"
    assert (added.touched, added.rows) == (1, [])
    assert all_.rows == [(1, "one")]
    assert squared.rows[0].square == 144


@pytest.mark.parametrize("number", [1e19, -1e20, 1.7e308, 2**64 - 1, -(2**63), 1.0, 0.1, 5e-324])
async def test_a_number_that_postgresql_gives_back_as_digits_can_be_written_again(connection, number):
    [same] = await connection.run((SAME, {"value": {"number": number}}))

    assert orjson.loads(orjson.dumps(same.rows[0].value)) == {"number": number}


async def test_a_statement_that_is_new_may_come_twice(connection):
    await connection.run((ADD, {"number": 1, "word": "one"}), (ADD, {"number": 70_000, "word": None}))

    assert (await connection.run((ALL, {})))[0].rows == [(1, "one"), (70_000, None)]


async def test_a_failure_skips_what_follows_and_is_the_error_that_is_raised(connection):
    with pytest.raises(psycopg.errors.UniqueViolation):
        await connection.run((BEGIN, {}), *[(ADD, {"number": 1, "word": "one"})] * 2, (SQUARE, {"number": 2}))

    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
    await connection.run((ROLLBACK, {}))
    assert (await connection.run((ALL, {}), (SQUARE, {"number": 2})))[1].rows[0].square == 4


async def test_a_value_that_cannot_be_sent_leaves_the_connection_as_it_was(connection):
    with pytest.raises(psycopg.DataError):
        await connection.run((BEGIN, {}), (ADD, {"number": 1, "word": "NUL \0"}))

    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert (await connection.run((ALL, {})))[0].rows == []


async def test_a_cancelled_statement_ends_on_the_server_and_the_connection_goes_on(connection, given, until):
    asleep = "SELECT pid FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"
    for _ in "12":
        sleeping = asyncio.create_task(connection.run((SLEEP, {})))
        await until(lambda: given.sql(asleep, connection.info.backend_pid), bool)

        sleeping.cancel()

        with pytest.raises(asyncio.CancelledError):
            await sleeping

    assert (await connection.run((SQUARE, {"number": 3})))[0].rows[0].square == 9


async def test_a_cancelled_statement_that_was_not_sent_whole_leaves_the_connection_usable(
    connection, given, until, caplog
):
    asleep = "SELECT pid FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"
    # The backend sleeps before it reads the value, which is more than the socket takes.
    sending = asyncio.create_task(connection.run((SLEEP, {}), (ADD, {"number": 1, "word": "x" * 30_000_000})))
    await until(lambda: given.sql(asleep, connection.info.backend_pid), bool)

    sending.cancel()

    with pytest.raises(asyncio.CancelledError):
        await sending
    assert [record.getMessage() for record in caplog.records if record.name == "psycopg"] == []
    assert (await connection.run((SQUARE, {"number": 3})))[0].rows[0].square == 9


async def test_a_connection_whose_statements_are_outdated_is_given_up(connection):
    everything = Statement(text("SELECT * FROM numbers"))
    await connection.run((everything, {}))
    await connection.execute("ALTER TABLE numbers ADD COLUMN more integer")

    with pytest.raises(psycopg.errors.FeatureNotSupported):
        await connection.run((everything, {}))

    assert connection.closed


@pytest.fixture
async def database(given) -> AsyncIterator[Database]:
    database = Database(given.service.database_url, 1)
    await database.open()
    yield database
    await database.close()


@pytest.mark.parametrize("change", ["ALTER TABLE outdated ALTER word TYPE text", "DEALLOCATE ALL", "DISCARD ALL"])
async def test_a_statement_that_is_outdated_is_503_once_for_each_connection(database, change):
    await database.run(Statement(text("CREATE TABLE outdated (word varchar(9))")))
    words = Statement(text("SELECT word FROM outdated"))
    await database.all(words)
    async with database.connection() as connection:
        await connection.execute(change)

    with pytest.raises(ServiceUnavailable):
        await database.all(words)

    assert await database.all(words) == []
    await database.run(Statement(text("DROP TABLE outdated")))


async def test_a_failing_statement_sent_with_the_commit_rolls_the_transaction_back(database):
    tx = Transaction(database)
    await tx.run(Statement(text("CREATE TABLE made_by_a_test (id integer PRIMARY KEY)")))
    twice = Statement(text("INSERT INTO made_by_a_test VALUES (1)"))
    tx.with_commit(twice)
    tx.with_commit(twice)

    with pytest.raises(AlreadyExists):
        await tx.commit()

    gone = await database.one(Statement(text("SELECT to_regclass('made_by_a_test') IS NULL AS gone")))
    assert gone.gone


async def test_a_transaction_of_nothing_but_its_last_statements_is_committed(database):
    tx = Transaction(database)
    tx.with_commit(Statement(text("SELECT set_config('application_name', 'committed', false)")))

    await tx.commit()

    name = await database.one(Statement(text("SELECT current_setting('application_name') AS name")))
    assert name.name == "committed"


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("INSERT INTO unknown VALUES (1)", {}),  # Fails as it is prepared, which is before BEGIN.
        ("SELECT CAST(:word AS text) AS word", {"word": "NUL \0"}),  # Is never sent, nor is BEGIN.
        ("SELECT 1 / 0 AS number", {}),
    ],
)
async def test_a_flow_that_ignores_the_failure_of_its_first_statement_writes_nothing(database, statement, values):
    await database.run(Statement(text("CREATE TABLE ignored (id integer)")))
    tx = Transaction(database)
    with pytest.raises(psycopg.Error):
        await tx.run(Statement(text(statement)), **values)

    with pytest.raises(NotBegun):
        await tx.run(Statement(text("INSERT INTO ignored VALUES (1)")))
    with pytest.raises(NotBegun):
        await tx.commit()

    written = await database.one(Statement(text("SELECT count(*) AS number FROM ignored")))
    await database.run(Statement(text("DROP TABLE ignored")))
    assert written.number == 0


async def test_a_flow_that_ignores_a_problem_of_its_key_writes_nothing(database):
    def in_progress(_):
        raise IdempotencyInProgress

    tx = Transaction(database)
    tx.opening = Opening(((SQUARE, {"number": 2}),), in_progress)
    with pytest.raises(IdempotencyInProgress):
        await tx.run(SQUARE, number=3)

    with pytest.raises(NotBegun):
        await tx.run(SQUARE, number=3)

    await tx.rollback()
    assert (await database.one(SQUARE, number=3)).square == 9


async def test_the_servers_own_limit_becomes_a_missed_deadline(given):
    database = Database(given.service.database_url, 1, 1.0)
    await database.open()

    with pytest.raises(DeadlineExceeded):
        await database.one(SLEEP)

    assert (await database.one(SQUARE, number=5)).square == 25
    await database.close()


async def test_prepared_statements_outlive_a_rollback_of_psycopg(given):
    database = Database(given.service.database_url, 1)
    await database.open()
    await database.one(SQUARE, number=2)

    async with database.connection() as connection:
        await connection.execute("SELECT 1")
        await connection.execute("BEGIN; ROLLBACK", prepare=False)

    assert (await database.one(SQUARE, number=3)).square == 9
    await database.close()
