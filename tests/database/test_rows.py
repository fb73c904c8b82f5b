"""A statement's row type is held against its columns at import: names, order, types and null."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import BigInteger, Boolean, Column, MetaData, Table, Text, Uuid, bindparam, column, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from accord.database.database import Database
from accord.database.schema import timestamp
from accord.database.statement import Statement

things = Table(
    "things",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("words", ARRAY(Text), nullable=False),
    timestamp("ended_at", nullable=True),
)


class ThingRow(NamedTuple):
    id: UUID
    words: list[str]
    ended_at: datetime | None


class Misspelt(NamedTuple):
    id: UUID
    words: list[str]
    endet_at: datetime | None


class Swapped(NamedTuple):
    words: list[str]
    id: UUID
    ended_at: datetime | None


class Short(NamedTuple):
    id: UUID
    words: list[str]


class NeverNull(NamedTuple):
    id: UUID
    words: list[str]
    ended_at: datetime


class OfAnotherType(NamedTuple):
    id: str
    words: list[str]
    ended_at: datetime | None


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (Misspelt, "Misspelt has the fields id, words, endet_at; the statement returns id, words, ended_at"),
        (Swapped, "Swapped has the fields words, id, ended_at; the statement returns id, words, ended_at"),
        (Short, "Short has the fields id, words; the statement returns id, words, ended_at"),
        (NeverNull, r"NeverNull.ended_at is annotated as .*datetime.*; its column may be null"),
        (OfAnotherType, r"OfAnotherType.id is annotated as .*str.*; its column holds UUID"),
    ],
)
def test_a_row_type_that_differs_from_the_columns_is_refused(row, reason):
    with pytest.raises(TypeError, match=reason):
        Statement(select(things), row)


def test_the_columns_of_a_returning_clause_are_compared():
    change = things.update().values(ended_at=bindparam("now"))

    Statement(change.returning(things), ThingRow)

    with pytest.raises(TypeError, match="the statement returns id"):
        Statement(change.returning(things.c.id), ThingRow)


@pytest.mark.parametrize("copy", ["COPY things FROM STDIN", "\n  copy things TO STDOUT"])
def test_a_copy_is_no_statement(copy):
    with pytest.raises(TypeError, match="COPY"):
        Statement(text(copy))


def test_a_text_without_columns_takes_no_row_type():
    with pytest.raises(TypeError, match="a text has columns when it says so"):
        Statement(text("SELECT 1 AS number"), Short)


class Counted(NamedTuple):
    total: int
    extra: dict[str, object]
    is_open: bool


@pytest.fixture
async def database(given):
    database = Database(given.service.database_url, 1)
    await database.open()
    yield database
    await database.close()


async def test_rows_are_of_the_row_type(database):
    columns = column("total", BigInteger), column("extra", JSONB), column("is_open", Boolean)
    counted = text("SELECT 7 AS total, '{}'::jsonb AS extra, true AS is_open").columns(*columns)

    row = await database.one(Statement(counted, Counted))

    assert type(row) is Counted
    assert row == (7, {}, True)
