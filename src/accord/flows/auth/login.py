"""POST /api/v1/auth/login."""

from accord.context import Context
from accord.contract.types import Login, SignedIn
from accord.flows.auth import queries, rules, serializers
from accord.flows.auth.problems import AccountLocked
from accord.security.emails import email_key, identifier_hash


async def login(context: Context, body: Login) -> SignedIn:
    """Sign in; a wrong address and a wrong password get the same response after the same time."""
    identifier, password = identifier_hash(body["email"]), body["password"]
    locked_for = await queries.seconds_locked(context.read, identifier, context.now())
    if locked_for:
        raise AccountLocked(retryAfter=locked_for)
    found = await queries.find_account(context.read, email_key(body["email"]))

    matches = await rules.password_matches(context, found, password)
    if found is None or not matches or found.disabled_at is not None:
        raise await rules.counted_failure(context, identifier, found)
    new_hash = await rules.newer_hash(context, found, password)

    locked_for = await queries.delete_failures_unless_locked(context.tx, identifier, context.now())
    if locked_for:
        raise AccountLocked(retryAfter=locked_for)
    account = await queries.take_active_account_for_update(context.tx, found.id)
    if account is None:
        raise await rules.counted_failure(context, identifier, found)
    if new_hash is not None:
        await queries.replace_hash(context.tx, found, new_hash)
    session_id, token, ends_at = await rules.start_session(context, account)
    return serializers.signed_in(context, serializers.user(account), session_id, token, ends_at=ends_at)
