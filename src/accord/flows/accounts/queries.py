"""The statements of the accounts domain: one per function, the condition in the name."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    Uuid,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from accord.database.reader import Reader
from accord.database.schema import new_columns
from accord.database.statement import Row, Statement
from accord.database.transaction import Transaction
from accord.flows.accounts.tables import UserRow, setup_tokens, users
from accord.flows.auth.tables import login_failures, sessions
from accord.flows.conversations.tables import conversation_members


class _Id(NamedTuple):
    id: UUID


class _Version(NamedTuple):
    version: int


class _Total(NamedTuple):
    total: int


class _CreatedAt(NamedTuple):
    created_at: datetime


_exists = users.c.deleted_at.is_(None)
_active_root = and_(_exists, users.c.role == "root", users.c.disabled_at.is_(None))
_one = select(users).where(_exists)
_FIND = Statement(_one.where(users.c.id == bindparam("user_id")), UserRow)
_FIND_ALL = Statement(_one.where(users.c.id == func.any(bindparam("ids", type_=ARRAY(users.c.id.type)))), UserRow)
_FIND_BY_EMAIL = Statement(_one.where(users.c.email_key == bindparam("email_key")), UserRow)
_CURRENT_VERSION = Statement(select(users.c.version).where(_exists, users.c.id == bindparam("user_id")), _Version)
# This is the weakest lock that stops a change of role: signing in, which refers to the account, must not wait for it.
_LOCK_ACTIVE_ROOTS = Statement(
    select(users.c.id).where(_active_root).order_by(users.c.id).with_for_update(key_share=True), _Id
)
_new_user = new_columns(users, unset=("email_verified_at", "disabled_at", "deleted_at"))


async def find(read: Reader, user_id: UUID | str) -> UserRow | None:
    """Return the account, or None when the account does not exist or was deleted."""
    return await read.one(_FIND, user_id=user_id)


async def find_all(read: Reader, ids: Sequence[UUID | str]) -> list[UserRow]:
    """Return the named accounts that exist."""
    return await read.all(_FIND_ALL, ids=list(ids))


async def find_by_email(read: Reader, email_key: str) -> UserRow | None:
    """Return the account with this address, or None."""
    return await read.one(_FIND_BY_EMAIL, email_key=email_key)


async def current_version(tx: Transaction, user_id: UUID | str) -> int | None:
    """Return the current version, or None when the account was deleted."""
    row = await tx.one(_CURRENT_VERSION, user_id=user_id)
    return None if row is None else row.version


async def add_unless_email_taken(tx: Transaction, values: Mapping[str, Any]) -> UserRow | None:
    """Return the new account, or None when the address is taken; of concurrent registrations, one succeeds."""
    return await tx.one(_ADD_UNLESS_EMAIL_TAKEN, **values)


_ADD_UNLESS_EMAIL_TAKEN = Statement(
    insert(users)
    .values({name: bindparam(name) for name in _new_user})
    .on_conflict_do_nothing(index_elements=["email_key"], index_where=text("deleted_at IS NULL"))
    .returning(users),
    UserRow,
)


async def save_if_version_is(
    tx: Transaction, user_id: UUID | str, version: int, changes: Mapping[str, Any], now: datetime
) -> UserRow | None:
    """Change the account in the statement that also checks the version; return None when the version differs."""
    statement = _save_if_version_is(tuple(sorted(changes)))
    return await tx.one(statement, user_id=user_id, expected_version=version, updated_at=now, **changes)


@cache
def _save_if_version_is(names: tuple[str, ...]) -> Statement[UserRow]:
    changes = {name: bindparam(name) for name in (*names, "updated_at")}
    return Statement(
        update(users)
        .where(users.c.id == bindparam("user_id"), users.c.version == bindparam("expected_version"), _exists)
        .values(version=users.c.version + 1, **changes)
        .returning(users),
        UserRow,
    )


async def count_conversations(read: Reader, user_id: UUID) -> int:
    """Return the number of conversations that the account is a member of."""
    [row] = await read.all(_COUNT_CONVERSATIONS, member_id=user_id)
    return row.total


_COUNT_CONVERSATIONS = Statement(
    select(func.count().label("total"))
    .select_from(conversation_members)
    .where(conversation_members.c.user_id == bindparam("member_id")),
    _Total,
)


async def lock_active_roots(tx: Transaction) -> list[UUID]:
    """Return the root accounts, locked: concurrent changes of them wait, so that two roots cannot remove each other."""
    return [row.id for row in await tx.all(_LOCK_ACTIVE_ROOTS)]


async def end_sessions(tx: Transaction, user_id: UUID | str, now: datetime) -> list[UUID]:
    """End every session of the account, and return the ones that were active."""
    return [row.id for row in await tx.all(_END_SESSIONS, owner_id=user_id, now=now)]


_END_SESSIONS = Statement(
    update(sessions)
    .where(sessions.c.user_id == bindparam("owner_id"), sessions.c.ended_at.is_(None))
    .values(ended_at=bindparam("now"))
    .returning(sessions.c.id),
    _Id,
)


async def delete_login_failures(tx: Transaction, identifier_hash: bytes) -> None:
    """Delete the count of failed sign-ins of the address, so that it can sign in again."""
    await tx.run(_DELETE_LOGIN_FAILURES, failed_hash=identifier_hash)


_DELETE_LOGIN_FAILURES = Statement(
    delete(login_failures).where(login_failures.c.identifier_hash == bindparam("failed_hash"))
)


async def page_of_users(read: Reader, *, page: int, limit: int, rows: int, search: str | None) -> list[UserRow]:
    """Return up to `rows` accounts from the start of a page, newest first; `search` is plain text, not a pattern."""
    statement, values = _sought(_PAGES, search)
    return await read.all(statement, offset=(page - 1) * limit, rows=rows, **values)


async def users_older_than(read: Reader, created_at: str, user_id: str, rows: int, search: str | None) -> list[UserRow]:
    """Return up to `rows` accounts older than this one, newest first."""
    statement, values = _sought(_OLDER, search)
    return await read.all(statement, at=created_at, last_id=user_id, rows=rows, **values)


async def count_users(read: Reader, search: str | None) -> int:
    """Return the number of accounts."""
    statement, values = _sought(_COUNTS, search)
    [row] = await read.all(statement, **values)
    return row.total


def _sought(
    statements: tuple[Statement[Row], Statement[Row]], search: str | None
) -> tuple[Statement[Row], dict[str, str]]:
    """Return the statement without or with a search, and its values."""
    if search is None:
        return statements[0], {}
    for special in "\\%_":
        search = search.replace(special, f"\\{special}")
    return statements[1], {"pattern": f"%{search}%"}


_contains = or_(
    *(c.ilike(bindparam("pattern"), escape="\\") for c in (users.c.email, users.c.first_name, users.c.last_name))
)
_newest = _one.order_by(users.c.created_at.desc(), users.c.id.desc()).limit(bindparam("rows"))
_page = _newest.offset(bindparam("offset"))
_older = _newest.where(
    tuple_(users.c.created_at, users.c.id)
    < tuple_(bindparam("at", type_=users.c.created_at.type), bindparam("last_id", type_=Uuid()))
)
_count = select(func.count().label("total")).select_from(users).where(_exists)
_PAGES = Statement(_page, UserRow), Statement(_page.where(_contains), UserRow)
_OLDER = Statement(_older, UserRow), Statement(_older.where(_contains), UserRow)
_COUNTS = Statement(_count, _Total), Statement(_count.where(_contains), _Total)


async def take_setup_token(tx: Transaction, token_hash: bytes) -> bool:
    """Use the setup token up; of two concurrent uses, one succeeds."""
    return await tx.run(_TAKE_SETUP_TOKEN, token_hash=token_hash) == 1


_TAKE_SETUP_TOKEN = Statement(delete(setup_tokens).where(setup_tokens.c.token_hash == bindparam("token_hash")))


async def is_setup_token(read: Reader, token_hash: bytes) -> bool:
    """Return whether this setup token is valid and unused."""
    return await read.one(_FIND_SETUP_TOKEN, token_hash=token_hash) is not None


_FIND_SETUP_TOKEN = Statement(
    select(setup_tokens.c.created_at).where(setup_tokens.c.token_hash == bindparam("token_hash")), _CreatedAt
)


async def delete_setup_tokens(tx: Transaction) -> None:
    """Delete every setup token that was offered before."""
    await tx.run(_DELETE_SETUP_TOKENS)


async def add_setup_token(tx: Transaction, token_hash: bytes, now: datetime) -> None:
    """Insert a setup token."""
    await tx.run(_ADD_SETUP_TOKEN, token_hash=token_hash, created_at=now)


_DELETE_SETUP_TOKENS = Statement(delete(setup_tokens))
_ADD_SETUP_TOKEN = Statement(
    insert(setup_tokens).values(token_hash=bindparam("token_hash"), created_at=bindparam("created_at"))
)
