"""Bearer authentication (RFC 6750): from the Authorization header to the caller."""

from collections.abc import Awaitable, Callable

from accord.context import ANONYMOUS, Caller, SignedIn
from accord.contract.operations import Access
from accord.edge.pipeline.request import Request
from accord.problems import Unauthorized
from accord.security.verified_tokens import VerifiedTokens

Authenticate = Callable[[Request, Access], Awaitable[Caller]]
"""Returns the caller of a request; raises Unauthorized."""


class Authentication:
    """Authenticates callers by their access tokens."""

    def __init__(self, tokens: VerifiedTokens[SignedIn]) -> None:
        """Take the cache of verified tokens."""
        self._tokens = tokens

    async def __call__(self, request: Request, access: Access) -> Caller:
        """Return the caller; without a valid token, anonymous where signing in is optional. Raises Unauthorized."""
        try:
            token = bearer_token(request)
            if token is None:
                raise Unauthorized
            return await self._tokens.caller_of(token)
        except Unauthorized:
            if access == "optional":
                return ANONYMOUS
            raise


def bearer_token(request: Request) -> str | None:
    """Return the token of `Authorization: Bearer …`; None without the header. The scheme is case-insensitive.

    Raises Unauthorized for another scheme.
    """
    header = request.headers.get(b"authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(b" ")
    if scheme.lower() != b"bearer":
        raise Unauthorized
    return token.strip().decode("latin-1")
