"""Which bucket a request is counted in."""

from accord.api.answers import Header
from accord.api.client_address import bucket_key
from accord.api.rate_limits import LocalBucket, SharedBucket
from accord.api.request import Request
from accord.contract.operations import Operation
from accord.database.pool import Database
from accord.settings import Settings


class Limits:
    """The buckets of this process; none at all when rate limiting is off."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Make the buckets that the contract's `x-rate-limit` names, and the two for everything else."""
        self._enabled = settings.rate_limit_enabled
        self._anonymous = LocalBucket("anonymous", settings.rate_limit_anonymous)
        self._authenticated = LocalBucket("authenticated", settings.rate_limit_authenticated)
        rates = {
            "login": settings.rate_limit_login,
            "register": settings.rate_limit_register,
            "refresh": settings.rate_limit_refresh,
            "forgotPassword": settings.rate_limit_forgot_password,
        }
        self._shared = {name: SharedBucket(name, rate, database) for name, rate in rates.items()}

    async def before(self, request: Request, operation: Operation) -> list[Header]:
        """Count by address before anybody is authenticated; a request with a token is counted by its account."""
        if not self._enabled:
            return []
        if operation.rate_limit is not None:
            return await self._shared[operation.rate_limit].take(bucket_key(request.address))
        if b"authorization" in request.headers and operation.access != "public":
            return []
        return self._anonymous.take(bucket_key(request.address))

    def signed_in(self, user_id: str) -> list[Header]:
        """Count by account."""
        return self._authenticated.take(user_id) if self._enabled else []

    def refused_token(self, request: Request) -> None:
        """Count a token that was not good against its address, so that tokens cannot be guessed without end."""
        if self._enabled:
            self._anonymous.take(bucket_key(request.address))
