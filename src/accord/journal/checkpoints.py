"""Signed checkpoints: the hash of the chain at a position, signed with a key that the database does not have.

The chain shows every alteration inside of it; only evidence outside of the chain shows that its tail was cut off. So a
checkpoint goes into a table of its own and, where the process has a data folder, into a file.
"""

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import BigInteger, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from accord import clock
from accord.database.autocommit import Autocommit
from accord.database.reader import Reader
from accord.database.statement import Statement
from accord.journal.keys import JournalKeys
from accord.journal.tables import journal_checkpoints

FILE = "journal-checkpoints.jsonl"
_PRUNED = '"pruned": true'
_PURPOSE = b"accord journal checkpoint"
MAX_READ = 5000
"""Checkpoints read, about: each attests all entries before it, so fewer only locate a fault less closely."""


class Checkpoint(NamedTuple):
    """The signed hash at a position; with `pruned` the entries up to the position were pruned on purpose."""

    position: int
    hash: bytes
    pruned: bool
    signed_at: datetime
    key_id: str
    signature: bytes

    def is_signed_by(self, key: Ed25519PublicKey) -> bool:
        """Return whether this key signed exactly this checkpoint."""
        try:
            key.verify(self.signature, _message(self.position, self.hash, pruned=self.pruned))
        except InvalidSignature:
            return False
        return True


_ADD = Statement(
    insert(journal_checkpoints)
    .values({name: bindparam(name) for name in ("position", "hash", "pruned", "signed_at", "key_id", "signature")})
    .on_conflict_do_nothing()
)
_numbered = select(
    *journal_checkpoints.c,
    func.row_number().over(order_by=journal_checkpoints.c.position).label("number"),
    func.count().over().label("total"),
).subquery()
_SOME = Statement(
    select(*(_numbered.c[column.name] for column in journal_checkpoints.c))
    .where(
        or_(
            _numbered.c.pruned,
            _numbered.c.number % func.greatest(1, _numbered.c.total // bindparam("limit", type_=BigInteger)) == 0,
            _numbered.c.number == _numbered.c.total,
        )
    )
    .order_by(_numbered.c.position),
    Checkpoint,
)


def sign(keys: JournalKeys, position: int, digest: bytes, *, pruned: bool = False) -> Checkpoint:
    """Return a checkpoint of now, signed with the key of the journal."""
    signature = keys.sign(_message(position, digest, pruned=pruned))
    return Checkpoint(position, digest, pruned, clock.now(), keys.id, signature)


async def save_checkpoint(database: Autocommit, data_dir: Path | None, checkpoint: Checkpoint) -> None:
    """Write a checkpoint to its table, and to the file in the data folder."""
    await database.run(_ADD, **checkpoint._asdict())
    if data_dir is not None:
        _append(data_dir, _line(checkpoint))


async def load_checkpoints(database: Reader, data_dir: Path | None) -> list[Checkpoint]:
    """Return the checkpoints of table and file; of more than MAX_READ, some at even distances, and always the last."""
    of_table = await database.all(_SOME, limit=MAX_READ)
    return of_table if data_dir is None else of_table + await asyncio.to_thread(_read, data_dir / FILE)


def _message(position: int, digest: bytes, *, pruned: bool) -> bytes:
    return b"%b %d %b %d" % (_PURPOSE, position, digest, pruned)


def _append(data_dir: Path, line: str) -> None:
    if data_dir.is_dir():
        with (data_dir / FILE).open("a", encoding="ascii") as file:
            file.write(line)


def _line(checkpoint: Checkpoint) -> str:
    fields = checkpoint._asdict() | {
        "hash": checkpoint.hash.hex(),
        "signed_at": checkpoint.signed_at.isoformat(),
        "signature": b64encode(checkpoint.signature).decode(),
    }
    return json.dumps(fields) + "\n"


def _read(file: Path) -> list[Checkpoint]:
    if not file.is_file():
        return []
    with file.open(encoding="ascii") as lines:
        total = sum(1 for _ in lines)
    step = max(1, total // MAX_READ)
    with file.open(encoding="ascii") as lines:
        # A crash may have left the last line incomplete, so the line before counts as last, too.
        chosen = [
            line
            for number, line in enumerate(lines, 1)
            if number % step == 0 or total - 1 <= number <= total or _PRUNED in line
        ]
    return list(_parsed(chosen))


def _parsed(lines: Iterable[str]) -> Iterator[Checkpoint]:
    for line in lines:
        try:
            fields = json.loads(line)
        except json.JSONDecodeError:
            continue  # The checkpoint is in the table as well.
        fields["hash"] = bytes.fromhex(fields["hash"])
        fields["signed_at"] = datetime.fromisoformat(fields["signed_at"])
        fields["signature"] = b64decode(fields["signature"])
        yield Checkpoint(**fields)
