"""The rules of sessions and refresh tokens."""

import hashlib
import hmac
from datetime import datetime, timedelta

from accord.context import Context
from accord.contract.types import Logout
from accord.database.autocommit import Autocommit
from accord.flows.accounts.tables import UserRow
from accord.flows.auth import queries
from accord.flows.auth.problems import AccountLocked, SignInRefused
from accord.flows.auth.tables import LiveSession, PresentedToken, SessionRow
from accord.flows.security_alerts import alert
from accord.problems import Problem
from accord.security.opaque_tokens import base64url, from_base64url, new_token, token_hash

MAX_REPEATS = 20
"""How often a replaced token may come again within its grace: enough for many tabs, too few to be a habit."""

MAX_DELETED_SESSIONS = 1000
MAX_DELETED_TOKENS = 5000
MAX_DELETED_FAILURES = 5000
"""Rows that one deletion takes at most: a fraction of a second's work, however many tokens a session had."""


def masked(successor: str, predecessor: str) -> bytes:
    """Return the successor masked, so that only the holder of its predecessor can read it.

    The database stores no usable token: 256 random bits are masked with a hash of 256 other random bits.
    """
    return _mask(from_base64url(successor), predecessor)


def unmasked(masked_successor: bytes, predecessor: str) -> str:
    """Return the successor that was masked for this predecessor."""
    return base64url(_mask(masked_successor, predecessor))


def _mask(token: bytes, key: str) -> bytes:
    pad = hmac.digest(key.encode(), b"accord refresh successor", "sha256")
    return bytes(a ^ b for a, b in zip(token, pad, strict=True))


def is_over(session: SessionRow | PresentedToken, now: datetime, idle_seconds: int) -> bool:
    """Return whether the session was ended, passed its absolute lifetime, or was idle for too long."""
    return (
        session.ended_at is not None
        or session.expires_at <= now
        or session.last_active_at + timedelta(seconds=idle_seconds) <= now
    )


def may_repeat(token: PresentedToken, grace_seconds: int) -> bool:
    """Return whether a replaced token still returns its successor: to a second tab, or after a lost response.

    A replaced token does so, however old it is, until the successor is used, or for a grace period (seconds) after the
    first use of the access token that came with the successor.
    """
    return (
        token.successor_hash == token.current_token_hash
        and (token.used_for is None or token.used_for <= grace_seconds)
        and token.repeats < MAX_REPEATS
    )


def generation_of(token_hash: bytes) -> str:
    """Return the claim by which an access token names the refresh token it came with, and reveals nothing of it."""
    return hashlib.sha256(b"accord generation " + token_hash).hexdigest()[:16]


async def note_use(database: Autocommit, session_id: str, session: LiveSession, generation: str | None) -> None:
    """Record once that the newest refresh token reached its client; the access token that came with it proves so."""
    newest = session.current_token_hash
    if session.used_token_hash != newest and generation == generation_of(newest):
        await queries.mark_token_used(database, session_id, newest)


async def session_to_end(context: Context, body: Logout | None) -> SessionRow | None:
    """Return the session that the access token names, or else the refresh token in the body; or None."""
    if context.caller.session_id is not None:
        return await queries.find_session(context.read, context.caller.session_id)
    presented = (body or {}).get("refreshToken")
    if presented is None:
        return None
    return await queries.find_session_of_token(context.read, token_hash(presented))


async def password_matches(context: Context, account: UserRow | None, password: str) -> bool:
    """Verify the password; without an account the check takes as long, and the password does not match."""
    if account is None:
        return await context.passwords.verify_dummy(password)
    return await context.passwords.verify(password, account.password_hash)


async def newer_hash(context: Context, account: UserRow, password: str) -> str | None:
    """Return the replacement of a hash with old parameters or of an imported scheme; None for a current hash."""
    if not context.passwords.needs_rehash(account.password_hash):
        return None
    return await context.passwords.hash(password)


async def counted_failure(context: Context, identifier: bytes, account: UserRow | None) -> Problem:
    """Count a failed sign-in and return its problem; the journal gets an event when the account exists.

    An attempt that is under way while others lock the identifier returns AccountLocked: its guess is not judged.
    """
    settings = context.settings
    counted = await queries.count_failure(
        context.tx,
        identifier,
        context.now(),
        attempts=settings.lockout_attempts,
        window=settings.lockout_window,
        lock=settings.lockout_duration,
    )
    if counted.failures > settings.lockout_attempts and counted.locked_until is not None:
        return AccountLocked(retryAfter=queries.seconds_until(counted.locked_until, context.now()))
    event = "locked" if counted.locked_until else "sign-in failed"
    user_id = context.new_id() if account is None else account.id
    if event == "locked":
        # Both for known and for unknown addresses: the duration must not tell which; the job looks the account up.
        await alert(context, user_id, event)
    context.journal.event_if(
        "users", user_id, {"event": event, "failures": counted.failures}, holds=account is not None
    )
    return SignInRefused()


async def end_for_reuse(context: Context, token: PresentedToken) -> None:
    """End the session of a refresh token that was used again too late: its holder or another person has a copy."""
    await queries.end_session(context.tx, token.session_id, context.now())
    context.sessions_ended([token.session_id])
    context.journal.event("sessions", token.session_id, {"event": "refresh reuse detected"})
    await alert(context, token.user_id, "reused")


async def start_session(context: Context, account: UserRow) -> tuple[str, str, datetime]:
    """Insert a new session; return its id, its first refresh token, and the latest time of its end."""
    token, now, session_id = new_token(context.random_bytes), context.now(), context.new_id()
    ends_at = now + timedelta(seconds=context.settings.refresh_token_ttl)
    await queries.add_session(
        context.tx,
        id=session_id,
        user_id=account.id,
        address=context.request.address,
        user_agent=context.request.user_agent,
        current_token_hash=token_hash(token),
        created_at=now,
        last_active_at=now,
        expires_at=ends_at,
    )
    oldest = await queries.end_all_but_newest(context.tx, account.id, context.settings.max_sessions, now)
    context.sessions_ended(oldest)
    context.journal.acted_by(account.id)
    context.journal.event("sessions", session_id, {"event": "signed in", "userId": str(account.id)})
    return str(session_id), token, ends_at


async def delete_failures_over_since(database: Autocommit, window: int) -> bool:
    """Delete some expired counts of failed sign-ins, which any client can create; return whether more may be left."""
    return await queries.delete_failures_over_since(database, window, MAX_DELETED_FAILURES) == MAX_DELETED_FAILURES


async def delete_sessions_over_before(database: Autocommit, moment: datetime) -> bool:
    """Delete some of the sessions that were over by then, with their refresh tokens; return whether more may be left.

    The journal gets no entry: a session has no version and is in no list, so no client holds a copy to remove. The
    tokens of such a session were rejected before, and still are, with the same problem. Only a session that is over is
    deleted, so that a stolen token that comes again still ends any session that is active.
    """
    tokens = await queries.delete_tokens_of_oldest_over_before(
        database, moment, MAX_DELETED_SESSIONS, MAX_DELETED_TOKENS
    )
    sessions = await queries.delete_oldest_without_tokens_over_before(database, moment, MAX_DELETED_SESSIONS)
    return tokens == MAX_DELETED_TOKENS or sessions == MAX_DELETED_SESSIONS
