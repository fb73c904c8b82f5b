"""POST /api/v1/auth/login."""

from accord.context import Context
from accord.contract.types import Login, SignedIn
from accord.flows.auth import queries, rules, shapes
from accord.flows.auth.problems import AccountLocked, SignInRefused
from accord.security.emails import email_key, identifier_hash


async def login(context: Context, body: Login) -> SignedIn:
    """Sign in; whatever is wrong, the answer and the time it takes are the same."""
    identifier, password = identifier_hash(body["email"]), body["password"]
    locked_for = await queries.seconds_locked(context.read, identifier, context.now())
    if locked_for:
        raise AccountLocked(retryAfter=locked_for)
    account = await queries.find_account(context.read, email_key(body["email"]))

    matches = await rules.password_matches(context, account, password)
    if not matches or account.disabled_at is not None:
        await rules.count_failure(context, identifier, account)
        raise SignInRefused
    outdated = context.passwords.needs_rehash(account.password_hash)
    new_hash = await context.passwords.hash(password) if outdated else None

    locked_for = await queries.forget_failures_unless_locked(context.tx, identifier, context.now())
    if locked_for:
        raise AccountLocked(retryAfter=locked_for)
    if new_hash is not None:
        await queries.replace_hash(context.tx, account, new_hash)
    session_id, token = await rules.start_session(context, account)
    return shapes.signed_in(context, shapes.user(account), session_id, token)
