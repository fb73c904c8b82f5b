"""Signed checkpoints: what the chain was at a position, said with a key that the database does not have.

The chain shows every change inside of it; only something outside shows that its tail was cut off. So a checkpoint goes
into a table of its own and, where there is a data folder, into a file.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from accord.database.pool import Database
from accord.database.statement import Statement
from accord.database.tables import journal_checkpoints
from accord.security.tokens import AccessTokens

FILE = "journal-checkpoints.jsonl"
_PURPOSE = b"accord journal checkpoint"

_ADD = Statement(
    insert(journal_checkpoints)
    .values({name: bindparam(name) for name in ("position", "hash", "pruned", "signed_at", "key_id", "signature")})
    .on_conflict_do_nothing()
)
_ALL = Statement(select(journal_checkpoints).order_by(journal_checkpoints.c.position))


class Checkpoint(NamedTuple):
    """The hash at a position, signed; with `pruned` the entries up to it are gone on purpose."""

    position: int
    hash: bytes
    pruned: bool
    signed_at: datetime
    key_id: str
    signature: bytes

    def is_signed_by(self, keys: Mapping[str, Ed25519PublicKey]) -> bool:
        """Say whether one of our keys signed exactly this."""
        key = keys.get(self.key_id)
        if key is None:
            return False
        try:
            key.verify(self.signature, _message(self.position, self.hash, pruned=self.pruned))
        except InvalidSignature:
            return False
        return True


def sign(keys: AccessTokens, position: int, digest: bytes, *, pruned: bool = False) -> Checkpoint:
    """Return a checkpoint made now, with the key that signs access tokens."""
    key_id, signature = keys.sign(_message(position, digest, pruned=pruned))
    return Checkpoint(position, digest, pruned, datetime.now(UTC), key_id, signature)


async def keep(database: Database, data_dir: Path | None, checkpoint: Checkpoint) -> None:
    """Write a checkpoint to its table, and to the file in the data folder."""
    await database.run(_ADD, **checkpoint._asdict())
    if data_dir is not None:
        _append(data_dir, _line(checkpoint))


async def kept(database: Database, data_dir: Path | None) -> list[Checkpoint]:
    """Return the checkpoints of the table and of the file; of one position in both, both."""
    of_table = [Checkpoint(*row) for row in await database.all(_ALL)]
    return of_table if data_dir is None else of_table + _read(_lines(data_dir))


def _message(position: int, digest: bytes, *, pruned: bool) -> bytes:
    return b"%b %d %b %d" % (_PURPOSE, position, digest, pruned)


def _append(data_dir: Path, line: str) -> None:
    if data_dir.is_dir():
        with (data_dir / FILE).open("a", encoding="ascii") as file:
            file.write(line)


def _lines(data_dir: Path) -> list[str]:
    file = data_dir / FILE
    return file.read_text("ascii").splitlines() if file.is_file() else []


def _line(checkpoint: Checkpoint) -> str:
    fields = checkpoint._asdict() | {
        "hash": checkpoint.hash.hex(),
        "signed_at": checkpoint.signed_at.isoformat(),
        "signature": b64encode(checkpoint.signature).decode(),
    }
    return json.dumps(fields) + "\n"


def _read(lines: Iterable[str]) -> list[Checkpoint]:
    checkpoints: list[Checkpoint] = []
    for line in lines:
        try:
            fields = json.loads(line)
        except json.JSONDecodeError:
            # A crash may leave the last line incomplete; the checkpoint is in the table as well.
            continue
        fields["hash"] = bytes.fromhex(fields["hash"])
        fields["signed_at"] = datetime.fromisoformat(fields["signed_at"])
        fields["signature"] = b64decode(fields["signature"])
        checkpoints.append(Checkpoint(**fields))
    return checkpoints
