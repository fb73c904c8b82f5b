"""The keys that sign checkpoints, and the endorsements of each for the keys before.

Trust starts at the key in the settings and walks back: a key endorses its predecessors, with their public parts, for
the checkpoints up to a position. So evidence outlives a rotation, and a public key that an attacker writes into the
database has no endorsement. Endorsements are in a table and, where the process has a data folder, in a file.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from accord.database.autocommit import Autocommit
from accord.database.reader import Reader
from accord.database.statement import Statement
from accord.journal.tables import journal_keys
from accord.security import keys
from accord.security.tokens import AccessTokens, key_id, public_key
from accord.settings import Settings

if TYPE_CHECKING:
    from accord.journal.checkpoints import Checkpoint

FILE = "journal-keys.jsonl"
MAX_READ = 1000
EVER = 2**63
"""A position that no journal reaches."""
_PURPOSE = b"accord journal key"


class Endorsement(NamedTuple):
    """A statement of the key `signed_by` about another key: its checkpoints count up to a position."""

    public_key: bytes
    until: int
    signed_by: str
    signature: bytes


_insert = insert(journal_keys).values(
    {name: bindparam(name) for name in ("public_key", "until", "signed_by", "signature")}
)
# A row with these keys has a wrong signature: the calling code adds only endorsements that are missing.
ADD = Statement(
    _insert.on_conflict_do_update(
        index_elements=["public_key", "signed_by"],
        set_={"until": _insert.excluded.until, "signature": _insert.excluded.signature},
    )
)
_ALL = Statement(select(*journal_keys.c).limit(bindparam("limit")), Endorsement)


class Trusted(NamedTuple):
    """A key, and the last position at which a checkpoint that the key signed counts."""

    key: Ed25519PublicKey
    until: int


class JournalKeys:
    """The key that signs checkpoints, and the previous ones that the settings name."""

    def __init__(self, settings: Settings, tokens: AccessTokens) -> None:
        """Take the keys of tokens, too: before the journal had keys, the keys of tokens signed its checkpoints."""
        self._key = keys.journal_key(settings)
        self.id = key_id(self._key.public_key())
        previous = [public_key(pem, "JOURNAL_PREVIOUS_PUBLIC_KEYS") for pem in settings.journal_previous_public_keys]
        self._named = {key_id(key): key for key in (self._key.public_key(), *previous)}
        self._of_tokens = tokens.keys

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message whose first words name its purpose."""
        return self._key.sign(message)

    def endorse(self, key: Ed25519PublicKey, until: int) -> Endorsement:
        """Return an endorsement for the checkpoints of a key up to a position."""
        public = key.public_bytes_raw()
        return Endorsement(public, until, self.id, self.sign(_message(public, until)))

    def has_signed(self, endorsement: Endorsement) -> bool:
        """Return whether the current key signed an endorsement."""
        return endorsement.signed_by == self.id and _is_signed(endorsement, self._key.public_key())

    def named(
        self, checkpoints: Sequence["Checkpoint"], endorsements: Iterable[Endorsement]
    ) -> Mapping[str, Ed25519PublicKey]:
        """Return the keys of the settings, and the keys of tokens as long as no key of the journal has signed."""
        signers = {one.key_id for one in checkpoints}
        has_signed = signers & self._named.keys() or any(one.signed_by in self._named for one in endorsements)
        return {**self._of_tokens, **self._named} if signers and not has_signed else self._named


def trusted(named: Mapping[str, Ed25519PublicKey], endorsements: Sequence[Endorsement]) -> Mapping[str, Trusted]:
    """Walk back from the keys of the settings; no key makes another count up to a later position than its own."""
    found = {name: Trusted(key, EVER) for name, key in named.items()}
    waiting = list(found)
    while waiting:
        signer = waiting.pop()
        for one in endorsements:
            if one.signed_by != signer or not _is_signed(one, found[signer].key):
                continue
            key = Ed25519PublicKey.from_public_bytes(one.public_key)
            name, until = key_id(key), min(one.until, found[signer].until)
            if name not in found or found[name].until < until:
                found[name] = Trusted(key, until)
                waiting.append(name)
    return found


async def known(
    database: Reader, data_dir: Path | None, journal: JournalKeys, checkpoints: Sequence["Checkpoint"]
) -> Mapping[str, Trusted]:
    """Return every key whose checkpoints count."""
    endorsements = await _load_endorsements(database, data_dir)
    return trusted(journal.named(checkpoints, endorsements), endorsements)


async def endorse_predecessors(
    database: Autocommit, data_dir: Path | None, journal: JournalKeys, checkpoints: Sequence["Checkpoint"], until: int
) -> None:
    """Save an endorsement for every other key of the settings that has none by the current key yet."""
    endorsements = await _load_endorsements(database, data_dir)
    done = {one.public_key for one in endorsements if journal.has_signed(one)}
    for name, key in journal.named(checkpoints, endorsements).items():
        if name == journal.id or key.public_bytes_raw() in done:
            continue
        endorsement = journal.endorse(key, until)
        await database.run(ADD, **endorsement._asdict())
        if data_dir is not None:
            _append(data_dir, _line(endorsement))


async def _load_endorsements(database: Reader, data_dir: Path | None) -> list[Endorsement]:
    of_table = await database.all(_ALL, limit=MAX_READ)
    return of_table if data_dir is None else of_table + await asyncio.to_thread(lambda: list(_read(data_dir / FILE)))


def _message(public: bytes, until: int) -> bytes:
    return b"%b %b %d" % (_PURPOSE, public.hex().encode(), until)


def _is_signed(one: Endorsement, key: Ed25519PublicKey) -> bool:
    try:
        key.verify(one.signature, _message(one.public_key, one.until))
    except InvalidSignature:
        return False
    return True


def _append(data_dir: Path, line: str) -> None:
    if data_dir.is_dir():
        with (data_dir / FILE).open("a", encoding="ascii") as file:
            file.write(line)


def _line(one: Endorsement) -> str:
    fields = one._asdict() | {"public_key": one.public_key.hex(), "signature": one.signature.hex()}
    return json.dumps(fields) + "\n"


def _read(file: Path) -> Iterator[Endorsement]:
    for line in file.read_text("ascii").splitlines() if file.is_file() else ():
        try:
            fields = json.loads(line)
        except json.JSONDecodeError:
            continue  # A crash cut the line off; the endorsement is in the table as well.
        fields |= {name: bytes.fromhex(fields[name]) for name in ("public_key", "signature")}
        yield Endorsement(**fields)
