"""Requests that may be sent again: the first response is saved with the work it came of, in one commit (D-1).

A key belongs to one caller and one operation. A caller who is not signed in is known by the request itself, so
that strangers share nothing; their address only tells that a key came with another body before (decision 28).

The first response is looked for before the flow runs, without holding a connection, so that hashing a password holds
none either. Statements that travel with BEGIN take the lock and look for the response again. The holder of the advisory
lock is the first; the lock ends with the transaction, so a process that dies leaves neither a half-made record nor a
key that stays taken.
"""

import hmac
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import BigInteger, Text, any_, bindparam, case, cast, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, insert

from accord.database.connection import Outcome
from accord.database.database import Database
from accord.database.expiry import deletion
from accord.database.statement import Statement
from accord.database.tables import idempotency_keys
from accord.database.transaction import Opening, Transaction
from accord.problems import IdempotencyInProgress, IdempotencyKeyReused

RETENTION = text("interval '24 hours'")


class _Lock(NamedTuple):
    taken: bool


class _Response(NamedTuple):
    caller: str
    operation: str
    key: str
    inputs_hash: bytes
    status: int
    data: bytes
    created_at: datetime


_columns = idempotency_keys.c
_now = func.clock_timestamp()
_fresh = _columns.created_at > _now - RETENTION
_first, _second = (func.pg_try_advisory_xact_lock(bindparam(name, type_=BigInteger)) for name in ("first", "second"))
# The second lock, where there is one, is tried by the holder of the first only: two requests that each hold what the
# other one lacks would both be refused.
_LOCK = Statement(select(case((_first, func.coalesce(_second, True)), else_=False).label("taken")), _Lock)
_callers = bindparam("callers", type_=ARRAY(Text))
_FIND = Statement(
    select(idempotency_keys).where(
        _columns.caller == any_(_callers),
        _columns.operation == bindparam("operation"),
        _columns.key == bindparam("key"),
        _fresh,
    ),
    _Response,
)
_saved = ("operation", "key", "inputs_hash", "status", "data")
_sent = {name: cast(bindparam(name), _columns[name].type) for name in _saved}
_values = {"caller": func.unnest(_callers), **_sent, "created_at": _now}
_insert = insert(idempotency_keys).from_select(list(_values), select(*_values.values()))
# A row that has expired may not have been deleted yet.
_SAVE = Statement(
    _insert.on_conflict_do_update(
        constraint=idempotency_keys.primary_key,
        set_={name: _insert.excluded[name] for name in ("inputs_hash", "status", "data", "created_at")},
    )
)
# The time of the statement, not clock_timestamp(): no index can be searched for a time that changes meanwhile.
DELETE_EXPIRED = deletion(idempotency_keys, _columns.created_at <= func.now() - RETENTION)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request under a key; the hash tells whether it is the same request as before."""

    callers: tuple[str, ...]
    operation: str
    key: str
    inputs_hash: bytes

    @property
    def kept_under(self) -> dict[str, Any]:
        """The parameters of the rows that keep its response, one for each of its callers."""
        return {"callers": list(self.callers), "operation": self.operation, "key": self.key}

    @property
    def claims(self) -> list[tuple[str, str, str]]:
        """The claims that one request at a time may hold, in the order in which every process locks them."""
        return [(caller, self.operation, self.key) for caller in self.callers]

    def first_response(self, rows: list[_Response]) -> tuple[int, Any] | None:
        """Return status and data of this request, if it is among the rows. Raises IdempotencyKeyReused."""
        for one in rows:
            if hmac.compare_digest(bytes(one.inputs_hash), self.inputs_hash):
                return one.status, orjson.loads(one.data)
        if rows:
            raise IdempotencyKeyReused
        return None


class CompletedBefore(Exception):
    """Another process carried the request out since the response was looked for; `response` is status and data."""

    def __init__(self, response: tuple[int, Any]) -> None:
        """Take the first response."""
        super().__init__()
        self.response = response


class Idempotency:
    """Saves the responses to requests that carry a key."""

    def __init__(self, database: Database, secret: bytes) -> None:
        """Take a secret that every process shares: a plain hash of a request would let its password be guessed."""
        self._database = database
        self._secret = secret
        self._running: set[tuple[str, ...]] = set()

    def attempt(self, caller: str, address: str, operation: str, key: str, inputs: dict[str, Any]) -> Attempt:
        """Return the attempt that these inputs are; `caller` is empty for a caller who is not signed in."""
        inputs_hash = self._hash(orjson.dumps(inputs, option=orjson.OPT_SORT_KEYS))
        if caller:
            return Attempt((caller,), operation, key, inputs_hash)
        stranger = f"inputs {inputs_hash.hex()}", f"address {self._hash(address.encode()).hex()}"
        return Attempt(stranger, operation, key, inputs_hash)

    @contextmanager
    def alone(self, attempt: Attempt) -> Generator[None]:
        """Keep others in this process from doing the same slow work meanwhile. Raises IdempotencyInProgress."""
        claims = set(attempt.claims)
        if not self._running.isdisjoint(claims):
            raise IdempotencyInProgress
        self._running |= claims
        try:
            yield
        finally:
            self._running -= claims

    async def first_response(self, attempt: Attempt) -> tuple[int, Any] | None:
        """Return status and data of the first such request, if it has ended. Raises IdempotencyKeyReused."""
        return attempt.first_response(await self._database.all(_FIND, **attempt.kept_under))

    def opening(self, attempt: Attempt) -> Opening:
        """Return what makes a transaction the first with this key, and others wait for its end.

        The check raises CompletedBefore, IdempotencyInProgress and IdempotencyKeyReused.
        """

        def check(outcomes: list[Outcome]) -> None:
            [[locked], found] = (outcome.rows for outcome in outcomes)
            first = attempt.first_response(found)
            if first is not None:
                raise CompletedBefore(first)
            if not locked.taken:
                raise IdempotencyInProgress

        return Opening(((_LOCK, self._locks(attempt)), (_FIND, attempt.kept_under)), check)

    def save_response(self, tx: Transaction, attempt: Attempt, status: int, data: Any) -> None:
        """Save the response, in the commit of the work."""
        tx.with_commit(
            _SAVE,
            **attempt.kept_under,
            inputs_hash=attempt.inputs_hash,
            status=status,
            data=orjson.dumps(data),
        )

    def _locks(self, attempt: Attempt) -> dict[str, int | None]:
        hashes = (self._hash(orjson.dumps(["lock", *claim])) for claim in attempt.claims)
        first, second = [*(int.from_bytes(each[:8], "big", signed=True) for each in hashes), None][:2]
        return {"first": first, "second": second}

    def _hash(self, content: bytes) -> bytes:
        return hmac.digest(self._secret, content, "sha256")
