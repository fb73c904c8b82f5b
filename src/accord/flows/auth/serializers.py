"""Serializers for sessions and their tokens."""

from datetime import datetime

from accord.context import Context
from accord.contract.serializers import record_serializer
from accord.contract.types import SessionOrNull, SignedIn, User
from accord.flows.auth import rules
from accord.flows.auth.tables import PresentedToken
from accord.security.opaque_tokens import token_hash

user = record_serializer(User)
session = record_serializer(SessionOrNull)


def refreshed(context: Context, account: User, session: PresentedToken, refresh_token: str) -> SignedIn:
    """Return a successor with an access token whose first use proves that the client received the successor."""
    generation = rules.generation_of(token_hash(refresh_token))
    return signed_in(
        context,
        account,
        str(session.session_id),
        refresh_token,
        ends_at=session.expires_at,
        generation=generation,
    )


def signed_in(
    context: Context,
    account: User,
    session_id: str,
    refresh_token: str,
    *,
    ends_at: datetime,
    generation: str | None = None,
) -> SignedIn:
    """Return the tokens of a session, with a new access token that does not outlive the session."""
    now, settings = context.now(), context.settings
    left = max(1, int((ends_at - now).total_seconds()))
    lifetime = min(settings.access_token_ttl, settings.session_idle_ttl, left)
    return {
        "accessToken": context.tokens.issue(account["id"], session_id, now.timestamp(), lifetime, generation),
        "tokenType": "Bearer",
        "expiresIn": lifetime,
        "refreshToken": refresh_token,
        "user": account,
    }
