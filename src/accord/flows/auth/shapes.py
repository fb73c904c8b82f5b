"""How sessions and their tokens look on the wire."""

from datetime import datetime

from accord.context import Context
from accord.contract.shapes import record_shape
from accord.contract.types import SessionOrNull, SignedIn, User

user = record_shape(User)
session = record_shape(SessionOrNull)


def signed_in(context: Context, account: User, session_id: str, refresh_token: str, *, ends_at: datetime) -> SignedIn:
    """Return the tokens of a session, with a fresh access token that does not outlive it."""
    now, settings = context.now(), context.settings
    left = max(1, int((ends_at - now).total_seconds()))
    lifetime = min(settings.access_token_ttl, settings.session_idle_ttl, left)
    return {
        "accessToken": context.tokens.issue(account["id"], session_id, now.timestamp(), lifetime),
        "tokenType": "Bearer",
        "expiresIn": lifetime,
        "refreshToken": refresh_token,
        "user": account,
    }
