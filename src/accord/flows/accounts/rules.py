"""What must hold of accounts, whichever operation changes them."""

from typing import Any
from uuid import UUID

from accord.context import Caller, Context
from accord.flows.accounts import queries
from accord.flows.accounts.problems import LastRoot, WeakPassword
from accord.problems import Forbidden, NotFound
from accord.security.emails import email_key
from accord.security.passwords import weakness


def may_read(caller: Caller, user_id: str) -> bool:
    """One's own account, or any for those who administer them."""
    return caller.id == user_id.lower() or caller.may("users:read")


async def readable_user(context: Context, user_id: str) -> Any:
    """Return the account; one that the caller may not see is not found, like one that does not exist."""
    found = await queries.find(context.read, user_id) if may_read(context.caller, user_id) else None
    if found is None:
        raise NotFound
    return found


async def administrable_user(context: Context, user_id: str) -> Any:
    """Return the account; only root touches administrators."""
    found = await queries.find(context.read, user_id)
    if found is None:
        raise NotFound
    if found.role != "customer" and not context.caller.may("admin:all"):
        raise Forbidden("Only root changes the account of an administrator.")
    return found


async def keep_one_root(context: Context, user_id: UUID) -> None:
    """Refuse to take the last root away."""
    if set(await queries.lock_active_roots(context.tx)) == {user_id}:
        raise LastRoot


async def new_account(context: Context, body: Any, *, role: str, created_by: str | None) -> dict[str, Any]:
    """Return the columns of a new account; raise WeakPassword."""
    reason = weakness(body["password"], email=body["email"], names=(body["firstName"], body["lastName"]))
    if reason is not None:
        raise WeakPassword(reason)
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
