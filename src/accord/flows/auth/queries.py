"""The statements of the auth domain: one per function, the condition in the name."""

import math
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Float,
    Select,
    and_,
    any_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    extract,
    func,
    insert,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from accord.database.autocommit import Autocommit
from accord.database.reader import Reader
from accord.database.statement import Statement
from accord.database.transaction import Transaction
from accord.flows.accounts.tables import UserRow, users
from accord.flows.auth.tables import (
    Failures,
    LiveSession,
    PresentedToken,
    SessionRow,
    login_failures,
    over_at,
    refresh_tokens,
    sessions,
)


class _LockedUntil(NamedTuple):
    locked_until: datetime | None


class _Id(NamedTuple):
    id: UUID


_now = bindparam("now", type_=DateTime(timezone=True))
_alive = and_(sessions.c.ended_at.is_(None), sessions.c.expires_at > _now)
_active = and_(users.c.deleted_at.is_(None), users.c.disabled_at.is_(None))
_account = select(users).where(users.c.deleted_at.is_(None))

_FIND_ACCOUNT = Statement(_account.where(users.c.email_key == bindparam("email_key")), UserRow)
_FIND_ACCOUNT_BY_ID = Statement(_account.where(users.c.id == bindparam("user_id")), UserRow)
_TAKE_ACTIVE_ACCOUNT = Statement(
    select(users).where(users.c.id == bindparam("user_id"), _active).with_for_update(key_share=True), UserRow
)
_REPLACE_HASH = Statement(
    update(users)
    .where(users.c.id == bindparam("user_id"), users.c.password_hash == bindparam("old_hash"))
    .values(password_hash=bindparam("new_hash"))
)
_FIND_SESSION = Statement(select(sessions).where(sessions.c.id == bindparam("session_id")), SessionRow)
_FIND_SESSION_OF_TOKEN = Statement(
    select(sessions)
    .join(refresh_tokens, refresh_tokens.c.session_id == sessions.c.id)
    .where(refresh_tokens.c.token_hash == bindparam("token_hash")),
    SessionRow,
)
_LIVE_SESSION = Statement(
    select(users.c.id, users.c.role, sessions.c.current_token_hash, sessions.c.used_token_hash)
    .join(sessions, sessions.c.user_id == users.c.id)
    .where(sessions.c.id == bindparam("session_id"), _alive, _active),
    LiveSession,
)
_MARK_USED = Statement(
    update(sessions)
    .where(
        sessions.c.id == bindparam("session_id"),
        sessions.c.current_token_hash == bindparam("used_hash"),
        sessions.c.used_token_hash.is_distinct_from(bindparam("used_hash")),
    )
    .values(used_token_hash=bindparam("used_hash"), token_used_at=func.clock_timestamp())
)
_ENDED_SINCE = Statement(select(sessions.c.id).where(sessions.c.ended_at > bindparam("since")), _Id)
_ADD_SESSION = Statement(
    insert(sessions).values(
        {
            name: bindparam(name)
            for name in (
                [
                    "id",
                    "user_id",
                    "address",
                    "user_agent",
                    "current_token_hash",
                    "created_at",
                    "last_active_at",
                    "expires_at",
                ]
            )
        }
    )
)
_ADD_TOKEN = Statement(
    insert(refresh_tokens).values(token_hash=bindparam("token_hash"), session_id=bindparam("session_id"))
)
_newest = (
    select(sessions.c.id)
    .where(sessions.c.user_id == bindparam("user_id"), _alive)
    .order_by(sessions.c.created_at.desc(), sessions.c.id.desc())
    .limit(bindparam("keep"))
)
_END_ALL_BUT_NEWEST = Statement(
    update(sessions)
    .where(sessions.c.user_id == bindparam("user_id"), _alive, sessions.c.id.not_in(_newest))
    .values(ended_at=_now)
    .returning(sessions.c.id),
    _Id,
)
_END_SESSION = Statement(
    update(sessions)
    .where(sessions.c.id == bindparam("session_id"), sessions.c.ended_at.is_(None))
    .values(ended_at=_now)
)
_END_SESSIONS_OF = Statement(
    update(sessions)
    .where(sessions.c.user_id == bindparam("owner_id"), sessions.c.ended_at.is_(None))
    .values(ended_at=_now)
    .returning(sessions.c.id),
    _Id,
)
_used_for = case(
    (
        sessions.c.used_token_hash == sessions.c.current_token_hash,
        cast(extract("epoch", func.clock_timestamp() - sessions.c.token_used_at), Float),
    ),
    else_=null(),
)
_TAKE_TOKEN_FOR_UPDATE = Statement(
    select(refresh_tokens, sessions.c.user_id, sessions.c.current_token_hash)
    .add_columns(sessions.c.last_active_at, sessions.c.expires_at, sessions.c.ended_at, _used_for.label("used_for"))
    .join(sessions, sessions.c.id == refresh_tokens.c.session_id)
    .join(users, users.c.id == sessions.c.user_id)
    .where(refresh_tokens.c.token_hash == bindparam("token_hash"), _active)
    # Both rows are locked: a request that waited then sees both as the winner left them.
    .with_for_update(of=(refresh_tokens, sessions)),
    PresentedToken,
)
_RETIRE_TOKEN = Statement(
    update(refresh_tokens)
    .where(refresh_tokens.c.token_hash == bindparam("old_hash"))
    .values(rotated_at=_now, successor_hash=bindparam("new_hash"), masked_successor=bindparam("masked"))
)
_MOVE_SESSION_TO = Statement(
    update(sessions)
    .where(sessions.c.id == bindparam("session_id"))
    .values(current_token_hash=bindparam("new_hash"), last_active_at=_now)
)
_COUNT_REPEAT = Statement(
    update(refresh_tokens)
    .where(refresh_tokens.c.token_hash == bindparam("old_hash"))
    .values(repeats=refresh_tokens.c.repeats + 1)
)


def _found(statement: Select[Any]) -> ColumnElement[Any]:
    """Return the rows of a statement as an array: the subquery then runs once, so that its limit holds."""
    return any_(func.array(statement.correlate(None).scalar_subquery()))


# The order is that of the index, so the planner uses the index even before statistics say how few sessions are old.
_oldest_sessions = (
    select(sessions.c.id)
    .where(over_at <= bindparam("moment", type_=DateTime(timezone=True)))
    .order_by(over_at)
    .limit(bindparam("sessions"))
)
# Rows that another process is deleting are skipped.
_their_tokens = (
    select(refresh_tokens.c.token_hash)
    .where(refresh_tokens.c.session_id == _found(_oldest_sessions))
    .limit(bindparam("tokens"))
    .with_for_update(skip_locked=True)
)
_DELETE_OLD_TOKENS = Statement(delete(refresh_tokens).where(refresh_tokens.c.token_hash == _found(_their_tokens)))
_DELETE_OLD_SESSIONS = Statement(
    delete(sessions).where(
        sessions.c.id == _found(_oldest_sessions.with_for_update(skip_locked=True)),
        ~exists().where(refresh_tokens.c.session_id == sessions.c.id),
    )
)
_LOCKED_UNTIL = Statement(
    select(login_failures.c.locked_until).where(
        login_failures.c.identifier_hash == bindparam("identifier_hash"), login_failures.c.locked_until > _now
    ),
    _LockedUntil,
)
_DELETE_FAILURES = Statement(
    delete(login_failures).where(
        login_failures.c.identifier_hash == bindparam("identifier_hash"),
        or_(login_failures.c.locked_until.is_(None), login_failures.c.locked_until <= _now),
    )
)
_attempts = bindparam("attempts", type_=login_failures.c.count.type)
_lock_until = bindparam("lock_until", type_=login_failures.c.locked_until.type)
_first = upsert(login_failures).values(
    identifier_hash=bindparam("identifier_hash"),
    count=1,
    since=_now,
    locked_until=case((_attempts <= 1, _lock_until), else_=null()),
)
_stale = or_(login_failures.c.since <= bindparam("window_start"), login_failures.c.locked_until <= _now)
_COUNT_FAILURE = Statement(
    _first.on_conflict_do_update(
        index_elements=["identifier_hash"],
        set_={
            "count": case((_stale, 1), else_=login_failures.c.count + 1),
            "since": case((_stale, _now), else_=login_failures.c.since),
            "locked_until": case(
                (_stale, _first.excluded.locked_until),
                # An attempt during a lock must not extend the lock.
                (login_failures.c.locked_until.is_not(None), login_failures.c.locked_until),
                (login_failures.c.count + 1 >= _attempts, _lock_until),
                else_=null(),
            ),
        },
    ).returning(login_failures.c.count.label("failures"), login_failures.c.locked_until),
    Failures,
)


# now(), not clock_timestamp(): see `queue.retention`.
_over = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, bindparam("window", type_=Float))
_failures_over = (
    select(login_failures.c.identifier_hash)
    .where(
        login_failures.c.since < _over,
        or_(login_failures.c.locked_until.is_(None), login_failures.c.locked_until <= func.now()),
    )
    .order_by(login_failures.c.since)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_DELETE_FAILURES_OVER = Statement(
    delete(login_failures).where(login_failures.c.identifier_hash == _found(_failures_over))
)


async def find_account(read: Reader, email_key: str) -> UserRow | None:
    """Return the account with this address and its password hash, or None."""
    return await read.one(_FIND_ACCOUNT, email_key=email_key)


async def find_account_by_id(read: Reader, user_id: UUID | str) -> UserRow | None:
    """Return the account, or None when the account does not exist or was deleted."""
    return await read.one(_FIND_ACCOUNT_BY_ID, user_id=user_id)


async def take_active_account_for_update(tx: Transaction, user_id: UUID) -> UserRow | None:
    """Return the account, locked, or None when it was disabled or deleted meanwhile.

    A transaction that ends the sessions of the account then waits for this sign-in, and ends its session, too.
    """
    return await tx.one(_TAKE_ACTIVE_ACCOUNT, user_id=user_id)


async def replace_hash(tx: Transaction, account: UserRow, new_hash: str) -> None:
    """Upgrade the stored hash, unless the password changed meanwhile; no visible field changes: the version stays."""
    await tx.run(_REPLACE_HASH, user_id=account.id, old_hash=account.password_hash, new_hash=new_hash)


async def find_session(read: Reader, session_id: UUID | str) -> SessionRow | None:
    """Return the session, or None."""
    return await read.one(_FIND_SESSION, session_id=session_id)


async def find_session_of_token(read: Reader, token_hash: bytes) -> SessionRow | None:
    """Return the session that this refresh token was issued for, or None."""
    return await read.one(_FIND_SESSION_OF_TOKEN, token_hash=token_hash)


async def live_session(read: Reader, session_id: str, now: datetime) -> LiveSession | None:
    """Return the id and role of the session's user with the token hashes; None unless session and user are active."""
    return await read.one(_LIVE_SESSION, session_id=session_id, now=now)


async def mark_token_used(database: Autocommit, session_id: str, token_hash: bytes) -> None:
    """Record the first use of an access token that came with this refresh token, unless a newer token exists."""
    await database.run(_MARK_USED, session_id=session_id, used_hash=token_hash)


async def ended_since(read: Reader, moment: datetime) -> list[str]:
    """Return the sessions that ended after this time."""
    return [str(row.id) for row in await read.all(_ENDED_SINCE, since=moment)]


async def add_session(tx: Transaction, **values: Any) -> None:
    """Insert a session and its first refresh token."""
    await tx.run(_ADD_SESSION, **values)
    await tx.run(_ADD_TOKEN, token_hash=values["current_token_hash"], session_id=values["id"])


async def end_all_but_newest(tx: Transaction, user_id: UUID, keep: int, now: datetime) -> list[UUID]:
    """End the oldest sessions, so that at most `keep` remain, and return the ended ones."""
    return [row.id for row in await tx.all(_END_ALL_BUT_NEWEST, user_id=user_id, keep=keep, now=now)]


async def end_session(tx: Transaction, session_id: UUID, now: datetime) -> bool:
    """End one session; return False when it had ended before."""
    return await tx.run(_END_SESSION, session_id=session_id, now=now) == 1


async def end_sessions_of(tx: Transaction, user_id: UUID, now: datetime) -> list[UUID]:
    """End all sessions of the account, and return the ones that were active."""
    return [row.id for row in await tx.all(_END_SESSIONS_OF, owner_id=user_id, now=now)]


async def take_token_for_update(tx: Transaction, token_hash: bytes) -> PresentedToken | None:
    """Return the refresh token with its session, both locked; None without a token, a session or an active account."""
    return await tx.one(_TAKE_TOKEN_FOR_UPDATE, token_hash=token_hash)


async def rotate(tx: Transaction, token: PresentedToken, new_hash: bytes, masked: bytes, now: datetime) -> None:
    """Replace the session's refresh token by its successor."""
    await tx.run(_RETIRE_TOKEN, old_hash=token.token_hash, new_hash=new_hash, masked=masked, now=now)
    await tx.run(_ADD_TOKEN, token_hash=new_hash, session_id=token.session_id)
    await tx.run(_MOVE_SESSION_TO, session_id=token.session_id, new_hash=new_hash, now=now)


async def count_repeat(tx: Transaction, token_hash: bytes) -> None:
    """Count another use of a replaced token within its grace period."""
    await tx.run(_COUNT_REPEAT, old_hash=token_hash)


async def delete_tokens_of_oldest_over_before(
    database: Autocommit, moment: datetime, sessions: int, tokens: int
) -> int:
    """Delete up to `tokens` refresh tokens of the oldest `sessions` that were over by then; return how many tokens."""
    return await database.run(_DELETE_OLD_TOKENS, moment=moment, sessions=sessions, tokens=tokens)


async def delete_oldest_without_tokens_over_before(database: Autocommit, moment: datetime, sessions: int) -> int:
    """Delete those of the oldest `sessions`, over by then, that have no refresh token left; return how many."""
    return await database.run(_DELETE_OLD_SESSIONS, moment=moment, sessions=sessions)


async def seconds_locked(read: Reader, identifier_hash: bytes, now: datetime) -> int:
    """Return the seconds for which the identifier stays locked, rounded up; 0 when it is not locked."""
    row = await read.one(_LOCKED_UNTIL, identifier_hash=identifier_hash, now=now)
    return 0 if row is None or row.locked_until is None else seconds_until(row.locked_until, now)


def seconds_until(moment: datetime, now: datetime) -> int:
    """Return the seconds until a time, rounded up; at least 1."""
    return max(1, math.ceil((moment - now).total_seconds()))


async def count_failure(
    tx: Transaction, identifier_hash: bytes, now: datetime, *, attempts: int, window: int, lock: int
) -> Failures:
    """Count a failed sign-in within the window (seconds), and lock for `lock` seconds at the last failure allowed."""
    [failures] = await tx.all(
        _COUNT_FAILURE,
        identifier_hash=identifier_hash,
        now=now,
        attempts=attempts,
        window_start=now - timedelta(seconds=window),
        lock_until=now + timedelta(seconds=lock),
    )
    return failures


async def delete_failures_over_since(database: Autocommit, window: int, limit: int) -> int:
    """Delete up to `limit` counts that began before the window (seconds) and lock no identifier; return how many."""
    return await database.run(_DELETE_FAILURES_OVER, window=float(window), limit=limit)


async def delete_failures_unless_locked(tx: Transaction, identifier_hash: bytes, now: datetime) -> int:
    """Reset the count, unless other requests locked the identifier meanwhile; return the seconds of that lock, or 0."""
    if await tx.run(_DELETE_FAILURES, identifier_hash=identifier_hash, now=now):
        return 0
    return await seconds_locked(tx, identifier_hash, now)
