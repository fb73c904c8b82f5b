"""GET /.well-known/jwks.json."""

from typing import cast

from accord.context import Context
from accord.contract.types import SigningKeys


async def get_signing_keys(context: Context) -> SigningKeys:
    """Publish the public keys that verify access tokens."""
    return cast("SigningKeys", context.tokens.jwks())
