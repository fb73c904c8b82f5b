"""Evidence outlives the rotation of every key, and no key that somebody writes into the database is trusted."""

import asyncio
from datetime import date
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from journal.test_verification import Book, book
from ledger import sequencing

from accord import settings
from accord.journal import checkpoints, pruning
from accord.journal import keys as endorsing
from accord.journal.housekeeping import Housekeeping
from accord.journal.keys import JournalKeys
from accord.journal.reading import sequencer_state
from accord.journal.sequencer import Sequencer
from accord.journal.verification import Verdict
from accord.security import keys
from accord.security.tokens import AccessTokens

__all__ = ["book"]
REWRITTEN = (
    "UPDATE accord.journal SET fields = '{}' WHERE id = 3",
    "DELETE FROM accord.journal_positions WHERE position >= 3",
    """UPDATE accord.journal_sequencer SET position = 2, low_transaction_id = '0',
        hash = (SELECT hash FROM accord.journal_positions WHERE position = 2)""",
)


def private_pem(key: Ed25519PrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def public_pem(key: Ed25519PrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@pytest.fixture
def key():
    return Ed25519PrivateKey.generate()


@pytest.fixture
def later():
    return Ed25519PrivateKey.generate()


def forget_files(book: Book) -> None:
    """Whoever has the database and the data folder."""
    for name in ("journal-checkpoints.jsonl", "journal-keys.jsonl"):
        (book.data_dir / name).unlink(missing_ok=True)


async def nothing(*_: int) -> Any:
    """Announce a position to nobody, and forget no session."""
    return False


async def signed(book: Book, entries: int, **environ: str) -> None:
    book.configure(**environ)
    await book.write(entries)
    await book.sign()


async def test_a_rotation_of_the_key_of_tokens_changes_nothing(book, key):
    await signed(book, 5)

    book.configure(JWT_PRIVATE_KEY=private_pem(key))
    before = await book.verdict()
    await signed(book, 5, JWT_PRIVATE_KEY=private_pem(key))

    assert (before, await book.verdict()) == (Verdict(5, 5), Verdict(10, 10))


async def test_checkpoints_outlive_two_rotations_of_the_key_of_the_journal(book, key, later):
    first = keys.journal_key(settings.load({"DATA_DIR": str(book.data_dir)}))
    await signed(book, 5)
    book.configure(JOURNAL_PRIVATE_KEY=private_pem(key), JOURNAL_PREVIOUS_PUBLIC_KEYS=public_pem(first))
    at_once = await book.verdict()
    await signed(book, 5, JOURNAL_PRIVATE_KEY=private_pem(key), JOURNAL_PREVIOUS_PUBLIC_KEYS=public_pem(first))
    await signed(book, 5, JOURNAL_PRIVATE_KEY=private_pem(later), JOURNAL_PREVIOUS_PUBLIC_KEYS=public_pem(key))

    book.configure(JOURNAL_PRIVATE_KEY=private_pem(later))
    with_files = await book.verdict()
    forget_files(book)
    by_the_table = await book.verdict()

    assert (at_once, with_files, by_the_table) == (Verdict(5, 5), Verdict(15, 15), Verdict(15, 15))
    assert [one.position for one in await checkpoints.load_checkpoints(book.database, book.data_dir)] == [5, 10, 15]


async def test_the_file_endorses_when_the_table_is_lost(book, key):
    first = keys.journal_key(settings.load({"DATA_DIR": str(book.data_dir)}))
    await signed(book, 5)
    await signed(book, 5, JOURNAL_PRIVATE_KEY=private_pem(key), JOURNAL_PREVIOUS_PUBLIC_KEYS=public_pem(first))
    await book.tamper("DELETE FROM accord.journal_keys")

    book.configure(JOURNAL_PRIVATE_KEY=private_pem(key))

    assert await book.verdict() == Verdict(10, 10)


async def test_a_previous_key_missing_from_the_settings_is_reported_by_its_id(book, key):
    await signed(book, 5)
    old = book.keys.id

    book.configure(JOURNAL_PRIVATE_KEY=private_pem(key))
    verdict = await book.verdict()

    assert verdict.broken_at == 5
    assert old in str(verdict.reason)
    assert "JOURNAL_PREVIOUS_PUBLIC_KEYS" in str(verdict.reason)


async def test_checkpoints_by_a_key_of_tokens_stay_good_after_that_is_rotated(book, key):
    loaded = settings.load({"DATA_DIR": str(book.data_dir)})
    tokens = keys.signing_key(loaded)
    with_that = settings.load({"DATA_DIR": str(book.data_dir), "JOURNAL_PRIVATE_KEY": private_pem(tokens)})
    as_before = JournalKeys(with_that, AccessTokens(loaded))
    await book.write(5)
    state = await sequencer_state(book.database)
    old = checkpoints.sign(as_before, state.position, state.hash)
    await checkpoints.save_checkpoint(book.database, book.data_dir, old)

    at_once = await book.verdict()
    await signed(book, 5)
    book.configure(JWT_PRIVATE_KEY=private_pem(key))

    assert (at_once, await book.verdict()) == (Verdict(5, 5), Verdict(10, 10))


async def test_a_forged_key_does_not_hide_that_the_journal_was_rewritten(book, key):
    await signed(book, 5)
    forged = settings.load({"DATA_DIR": str(book.data_dir), "JOURNAL_PRIVATE_KEY": private_pem(key)})
    forger = JournalKeys(forged, AccessTokens(forged))
    forget_files(book)
    await book.tamper(*REWRITTEN, "DELETE FROM accord.journal_checkpoints")
    await book.write(0)
    state = await sequencer_state(book.database)
    await checkpoints.save_checkpoint(book.database, None, checkpoints.sign(forger, state.position, state.hash))

    found = [(await book.verdict()).broken_at]
    for signer in (forger.id, book.keys.id):
        endorsement = forger.endorse(key.public_key(), 1000)._replace(signed_by=signer)
        await book.database.run(endorsing.ADD, **endorsement._asdict())
        found.append((await book.verdict()).broken_at)

    assert found == [5, 5, 5]


async def test_a_checkpoint_signed_with_a_previous_key_after_its_time_is_no_evidence(book, key):
    first = keys.journal_key(settings.load({"DATA_DIR": str(book.data_dir)}))
    await signed(book, 5)
    thief = book.keys
    await signed(book, 5, JOURNAL_PRIVATE_KEY=private_pem(key), JOURNAL_PREVIOUS_PUBLIC_KEYS=public_pem(first))
    book.configure(JOURNAL_PRIVATE_KEY=private_pem(key))

    await book.write(5)
    late = checkpoints.sign(thief, 12, b"x" * 32)
    await checkpoints.save_checkpoint(book.database, book.data_dir, late)
    pruned = checkpoints.sign(thief, 13, b"x" * 32, pruned=True)
    await checkpoints.save_checkpoint(book.database, book.data_dir, pruned)

    assert await book.verdict() == Verdict(15, 15)


async def test_a_truncated_tail_is_found_after_a_rotation(book, key):
    first = keys.journal_key(settings.load({"DATA_DIR": str(book.data_dir)}))
    await signed(book, 5)
    await signed(book, 5, JOURNAL_PRIVATE_KEY=private_pem(key), JOURNAL_PREVIOUS_PUBLIC_KEYS=public_pem(first))

    await book.tamper(
        "DELETE FROM accord.journal WHERE id > 4",
        "DELETE FROM accord.journal_positions WHERE position > 4",
        "DELETE FROM accord.journal_checkpoints",
        "UPDATE accord.journal_sequencer SET position = 4, hash = (SELECT hash"
        " FROM accord.journal_positions WHERE position = 4)",
    )

    assert (await book.verdict()).broken_at == 5


async def test_the_leading_sequencer_endorses(book, key, until):
    first = keys.journal_key(settings.load({"DATA_DIR": str(book.data_dir)}))
    await signed(book, 5)
    await book.write(5)
    book.configure(JOURNAL_PRIVATE_KEY=private_pem(key), JOURNAL_PREVIOUS_PUBLIC_KEYS=public_pem(first))

    async with sequencing(book, Sequencer(book.url, nothing)) as sequencer:
        background = book.database.background
        house = Housekeeping(sequencer, background, book.data_dir, book.keys, interval=0.01, checkpoint_seconds=0.0)
        keeping = asyncio.create_task(house.run())
        await until(
            lambda: checkpoints.load_checkpoints(book.database, book.data_dir), lambda kept: kept[-1].position == 10
        )
        keeping.cancel()
        await asyncio.wait([keeping])
    book.configure(JOURNAL_PRIVATE_KEY=private_pem(key))

    assert await book.verdict() == Verdict(10, 10)


async def test_pruning_endorses_before_it_signs(book, key):
    first = keys.journal_key(settings.load({"DATA_DIR": str(book.data_dir)}))
    await signed(book, 5)
    book.configure(JOURNAL_PRIVATE_KEY=private_pem(key), JOURNAL_PREVIOUS_PUBLIC_KEYS=public_pem(first))

    await pruning.prune(book.database, book.data_dir, date(2025, 1, 1), book.keys)
    book.configure(JOURNAL_PRIVATE_KEY=private_pem(key))

    assert await book.verdict() == Verdict(5, 5)
