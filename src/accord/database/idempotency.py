"""Requests that may be sent again: the first answer is kept with the work it came of, in one commit (D-1).

A key belongs to one caller and one operation. Whoever holds its advisory lock is the first; the lock ends with the
transaction, so a process that dies leaves neither a half-made thing nor a key that stays taken.
"""

import hmac
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import BigInteger, bindparam, delete, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import insert

from accord.database.pool import Database
from accord.database.statement import Statement
from accord.database.tables import idempotency_keys
from accord.database.transaction import Transaction
from accord.problems import IdempotencyInProgress, IdempotencyKeyReused, Problem

KEPT_FOR = text("interval '24 hours'")
SWEEP_INTERVAL = 60.0
"""Seconds between looks for answers that need no longer be kept."""

_columns = idempotency_keys.c
_now = func.clock_timestamp()
_fresh = _columns.created_at > _now - KEPT_FOR
_LOCK = Statement(select(func.pg_try_advisory_xact_lock(bindparam("lock", type_=BigInteger)).label("taken")))
_FIND = Statement(
    select(idempotency_keys).where(
        _columns.caller == bindparam("caller"),
        _columns.operation == bindparam("operation"),
        _columns.key == bindparam("key"),
        _fresh,
    )
)
_values = {name: bindparam(name) for name in ("caller", "operation", "key", "inputs_hash", "status", "data")}
_insert = insert(idempotency_keys).values(**_values, created_at=_now)
# One that is too old to count may not have been swept yet.
_REMEMBER = Statement(
    _insert.on_conflict_do_update(
        constraint=idempotency_keys.primary_key,
        set_={name: _insert.excluded[name] for name in ("inputs_hash", "status", "data", "created_at")},
    )
)
# Rows that another process is deleting are left to it.
_oldest = select(literal_column("ctid")).select_from(idempotency_keys).where(~_fresh).limit(1000)
_FORGET_OLD = Statement(
    delete(idempotency_keys).where(literal_column("ctid").in_(_oldest.with_for_update(skip_locked=True)))
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request under a key; the hash tells whether it is the same request as before."""

    caller: str
    operation: str
    key: str
    inputs_hash: bytes


class Idempotency:
    """Remembers the answers to requests that carry a key."""

    def __init__(self, database: Database, secret: bytes) -> None:
        """Take a secret that every process shares: a plain hash of a request would let its password be guessed."""
        self._database = database
        self._secret = secret
        self._swept_at = time.monotonic()

    def attempt(self, caller: str, operation: str, key: str, inputs: dict[str, Any]) -> Attempt:
        """Return the attempt that these inputs are."""
        return Attempt(caller, operation, key, self._hash(orjson.dumps(inputs, option=orjson.OPT_SORT_KEYS)))

    async def first_answer(self, tx: Transaction, attempt: Attempt) -> tuple[int, Any] | None:
        """Return status and data of the first such request; None when this is it, and others now wait for its end.

        Raises IdempotencyInProgress and IdempotencyKeyReused.
        """
        if not (await tx.one(_LOCK, lock=self._lock(attempt))).taken:
            raise IdempotencyInProgress
        found = await tx.one(_FIND, caller=attempt.caller, operation=attempt.operation, key=attempt.key)
        if found is None:
            return None
        if not hmac.compare_digest(bytes(found.inputs_hash), attempt.inputs_hash):
            raise IdempotencyKeyReused
        return found.status, orjson.loads(found.data)

    def remember(self, tx: Transaction, attempt: Attempt, status: int, data: Any) -> None:
        """Keep the answer, in the commit of the work."""
        tx.with_commit(
            _REMEMBER,
            caller=attempt.caller,
            operation=attempt.operation,
            key=attempt.key,
            inputs_hash=attempt.inputs_hash,
            status=status,
            data=orjson.dumps(data),
        )

    async def forget_old(self) -> None:
        """Delete some of the answers that are too old to count, now and then."""
        if time.monotonic() - self._swept_at > SWEEP_INTERVAL:
            self._swept_at = time.monotonic()
            # What was made is made, also when the database goes away at this moment.
            with suppress(Problem):
                await self._database.run(_FORGET_OLD)

    def _lock(self, attempt: Attempt) -> int:
        name = orjson.dumps(["lock", attempt.caller, attempt.operation, attempt.key])
        return int.from_bytes(self._hash(name)[:8], "big", signed=True)

    def _hash(self, content: bytes) -> bytes:
        return hmac.digest(self._secret, content, "sha256")
