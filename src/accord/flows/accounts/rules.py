"""The rules of accounts, for every operation that changes them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from accord.context import Context, SignedIn, SignedInContext
from accord.contract.types import CreateUser, Register, Setup, UpdateUser
from accord.database.reader import Reader
from accord.flows.accounts import queries
from accord.flows.accounts.problems import LastRoot, WeakPassword
from accord.flows.accounts.serializers import changed_columns
from accord.flows.accounts.tables import UserRow
from accord.flows.security_alerts import alert
from accord.problems import Forbidden, NotFound, ValidationFailed, VersionConflict
from accord.security.emails import email_key
from accord.security.opaque_tokens import new_token, token_hash
from accord.security.passwords import weakness
from accord.settings import Settings


def may_read(caller: SignedIn, user_id: str) -> bool:
    """Return whether the caller may read an account: their own, or any with the permission `users:read`."""
    return caller.may("users:read") or caller.id == user_id


async def readable_user(context: SignedInContext, user_id: str) -> UserRow:
    """Return the account; an account that the caller may not read is not found, like one that does not exist."""
    found = await queries.find(context.read, user_id) if may_read(context.caller, user_id) else None
    if found is None:
        raise NotFound
    return found


async def readable_users(read: Reader, caller: SignedIn, ids: Sequence[str]) -> list[UserRow]:
    """Return the named accounts that the caller may read, for flows that read many records at once."""
    allowed = [user_id for user_id in ids if may_read(caller, user_id)]
    return await queries.find_all(read, allowed) if allowed else []


NewAccount = Register | CreateUser | Setup


class LastShown(NamedTuple):
    """The last account that a page by cursor has shown, and the number of its page."""

    created_at: str
    id: str
    page: int


def last_shown(page: int | None, after: Sequence[Any] | None) -> LastShown | None:
    """Return the place of a page cursor; raise ValidationFailed for a page number beside it: two places to begin."""
    if after is None:
        return None
    if page is not None:
        raise ValidationFailed(errors=[{"field": "page", "message": "must be left out beside a cursor"}])
    return LastShown(*after)


async def administrable_user(context: SignedInContext, user_id: str) -> UserRow:
    """Return the account; only root may change an administrator."""
    found = await queries.find(context.read, user_id)
    if found is None:
        raise NotFound
    if found.role != "customer" and not context.caller.may("admin:all"):
        raise Forbidden("Only root changes the account of an administrator.")
    return found


def require_version(target: UserRow, expected: int) -> None:
    """Raise VersionConflict for a stale version, so that the rules check the row that the statement then changes."""
    if target.version != expected:
        raise VersionConflict(target.version, expected, table="users")


async def keep_one_root(context: Context, user_id: UUID) -> None:
    """Raise LastRoot when this account is the last root account."""
    if set(await queries.lock_active_roots(context.tx)) == {user_id}:
        raise LastRoot


def refuse_weak_password(body: NewAccount) -> None:
    """Raise WeakPassword for a new account whose password is easy to guess."""
    reason = weakness(body["password"], email=body["email"], names=(body["firstName"], body["lastName"]))
    if reason is not None:
        raise WeakPassword(reason)


async def new_account(context: Context, body: NewAccount, *, role: str, created_by: str | None) -> dict[str, Any]:
    """Return the columns of a new account; raise WeakPassword."""
    refuse_weak_password(body)
    now = context.now()
    return {
        "id": context.new_id(),
        "email": body["email"].strip(),
        "email_key": email_key(body["email"]),
        "password_hash": await context.passwords.hash(body["password"]),
        "first_name": body["firstName"],
        "last_name": body["lastName"],
        "role": role,
        "created_by": created_by,
        "created_at": now,
        "updated_at": now,
    }


def changes_of(target: UserRow, body: UpdateUser, now: datetime) -> dict[str, Any]:
    """Return the columns that an administrator's change sets; disabling again keeps the time of the first."""
    changes = changed_columns(body, "firstName", "lastName", "role")
    if "disabled" in body:
        changes["disabled_at"] = (target.disabled_at or now) if body["disabled"] else None
    return changes


def disables_root(target: UserRow, changes: dict[str, Any]) -> bool:
    """Return whether the changes would leave a root account without its role, or disabled."""
    return target.disabled_at is None and (changes.get("role", "root") != "root" or bool(changes.get("disabled_at")))


async def alert_of_change(context: Context, before: UserRow, after: UserRow) -> None:
    """Enqueue the alert of an account that was disabled, or has a new role."""
    if after.disabled_at is not None and before.disabled_at is None:
        await alert(context, after.id, "disabled")
    elif after.role != before.role:
        await alert(context, after.id, "role")


def follow_up_time(account: UserRow, settings: Settings) -> datetime:
    """Return when the follow-up of the welcome mail is due."""
    return account.created_at + timedelta(seconds=settings.welcome_follow_up_after)


async def offer_setup_token(context: Context) -> str | None:
    """Return a new setup token, the only valid one; return None, and delete every token, when a root account exists."""
    await queries.delete_setup_tokens(context.tx)
    if await queries.lock_active_roots(context.tx):
        return None
    token = new_token(context.random_bytes)
    await queries.add_setup_token(context.tx, token_hash(token), context.now())
    return token
