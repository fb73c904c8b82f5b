"""How sessions and their tokens look on the wire."""

from accord.context import Context
from accord.contract.shapes import record_shape
from accord.contract.types import SessionOrNull, SignedIn, User

user = record_shape(User)
session = record_shape(SessionOrNull)


def signed_in(context: Context, account: User, session_id: str, refresh_token: str) -> SignedIn:
    """Return the tokens of a session, with a fresh access token."""
    return {
        "accessToken": context.tokens.issue(account["id"], session_id, context.now().timestamp()),
        "tokenType": "Bearer",
        "expiresIn": context.settings.access_token_ttl,
        "refreshToken": refresh_token,
        "user": account,
    }
