"""Problems that every domain shares; a domain declares its own beside its flows.

A `Problem` is a problem detail of RFC 9457. Raising one rolls the flow's transaction back, unless the class sets
`commits`: a problem with a lasting effect (a counted failure, a revoked session) keeps its writes.
"""

from typing import Any, ClassVar


class Problem(Exception):
    """A declared error: `code`, `status` and `title` belong to the class; `detail` states the next step."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong on our side"
    commits: ClassVar[bool] = False
    detail: str = "Nothing was changed. Try again; if it persists, report the requestId."

    def __init__(self, detail: str | None = None, **extra: Any) -> None:
        """Take wire fields such as `errors`, `currentVersion` or `retryAfter` (seconds) as keywords."""
        super().__init__(self.code)
        if detail is not None:
            self.detail = detail
        self.extra = extra
        self.headers: list[tuple[bytes, bytes]] = []
        """Header fields of the response; only the edge sets and reads them."""


def problem_document(
    status: int, code: str, detail: str | None, extensions: dict[str, Any], request_id: str, instance: str
) -> dict[str, Any]:
    """Return the document of a problem (RFC 9457); `extensions` has the title and the fields of the code."""
    return {
        "type": f"/problems/{code}",
        "title": extensions.get("title", code),
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        "requestId": request_id,
        **extensions,
    }


class InternalError(Problem):
    """The problem for an unexpected exception; the log has the details."""


class ValidationFailed(Problem):
    """The request does not fit the contract; `errors` lists `{field, message}`."""

    code, status, title = "VALIDATION_ERROR", 400, "The request does not fit the contract"
    detail = "Nothing was changed. Correct the fields listed in errors, then send the request again."


class Unauthorized(Problem):
    """The request has no valid token."""

    code, status, title = "UNAUTHORIZED", 401, "Sign in first"
    detail = "Send a valid access token as `Authorization: Bearer …`; POST /api/v1/auth/login gives one."


class InvalidToken(Unauthorized):
    """The token is malformed, forged, revoked, or meant for something else."""

    title = "The access token is not valid"
    detail = "Sign in again, or refresh the session, to get a new access token."


class TokenExpired(InvalidToken):
    """The token was valid, and has expired."""

    code, title = "TOKEN_EXPIRED", "The access token has expired"
    detail = "POST /api/v1/auth/refresh gives a new access token."


class InvalidCredentials(Problem):
    """The credentials do not match; the problem never says which part is wrong."""

    code, status, title = "INVALID_CREDENTIALS", 401, "The credentials are not valid"
    detail = "Check them and try again."


class Forbidden(Problem):
    """The caller is known and may not do this."""

    code, status, title = "FORBIDDEN", 403, "Not permitted"
    detail = "Your account lacks the permission this operation names; ask an administrator for it."


class NotFound(Problem):
    """The record does not exist, or the caller may not see it."""

    code, status, title = "NOT_FOUND", 404, "Not found"
    detail = "Nothing is here, or you may not see it."


class MethodNotAllowed(Problem):
    """The path exists, with other methods."""

    code, status, title = "METHOD_NOT_ALLOWED", 405, "Method not allowed"
    detail = "The Allow header lists the methods of this path."


class NotAcceptable(Problem):
    """The `Accept` header admits no JSON."""

    code, status, title = "NOT_ACCEPTABLE", 406, "Not acceptable"
    detail = "Responses are application/json; let the Accept header admit it."


class VersionConflict(Problem):
    """The record changed since the caller read it."""

    code, status, title = "VERSION_CONFLICT", 409, "The record changed since you read it"
    detail = "Nothing was changed. Read the record again, apply your change to it, then retry with its version."

    def __init__(self, current: int, expected: int, *, table: str | None = None) -> None:
        """Carry both versions, so that the client knows whether to read again; the table is for metrics only."""
        super().__init__(currentVersion=current, expectedVersion=expected)
        self.table = table


class AlreadyExists(Problem):
    """A value that must be unique is taken."""

    code, status, title = "ALREADY_EXISTS", 409, "It exists already"
    detail = "Nothing was changed. Use another value, or the record that has it."


class PreconditionFailed(Problem):
    """`If-Match` does not name the current version, or `If-None-Match` does (RFC 9110, section 13.1)."""

    code, status, title = "PRECONDITION_FAILED", 412, "A condition of the request does not hold"
    detail = "Nothing was changed. Read the record again, then retry with its ETag."


class PayloadTooLarge(Problem):
    """The body is over the limit."""

    code, status, title = "PAYLOAD_TOO_LARGE", 413, "The request body is too large"
    detail = "Nothing was read. Send a smaller body."


class UnsupportedMediaType(Problem):
    """The body is not plain `application/json` in UTF-8."""

    code, status, title = "UNSUPPORTED_MEDIA_TYPE", 415, "Unsupported media type"
    detail = "Send the body as `Content-Type: application/json`, in UTF-8, without a Content-Encoding."


class BusinessRuleViolation(Problem):
    """The request is well formed, and a rule of the domain forbids it."""

    code, status, title = "BUSINESS_RULE_VIOLATION", 422, "A rule forbids this"


class TooFarAhead(BusinessRuleViolation):
    """A job would run in more than a year."""

    detail = "Nothing was changed. Choose a time within a year from now."


class IdempotencyInProgress(Problem):
    """The first request with this `Idempotency-Key` has not ended; `retryAfter` is in seconds."""

    code, status, title = "IDEMPOTENCY_IN_PROGRESS", 409, "The first request with this key is still running"
    detail = "Send the request again after the seconds in Retry-After; you then get the first response."

    def __init__(self) -> None:
        """Say when to come back, in seconds."""
        super().__init__(retryAfter=1)


class IdempotencyKeyReused(Problem):
    """The `Idempotency-Key` came before, with another body."""

    code, status, title = "IDEMPOTENCY_KEY_REUSED", 422, "This key was used for another request"
    detail = "Nothing was changed. Take a new key for a new request."


class RateLimitExceeded(Problem):
    """Too many requests in the window; `retryAfter` is in seconds."""

    code, status, title = "RATE_LIMIT_EXCEEDED", 429, "Too many requests"
    detail = "Wait for the seconds in Retry-After, then go on."


class ServiceUnavailable(Problem):
    """A part we depend on is away or overloaded; `retryAfter` is in seconds."""

    code, status, title = "SERVICE_UNAVAILABLE", 503, "The service is busy or restarting"
    detail = "Try again after the seconds in Retry-After; a change that was in flight may or may not have been made."

    def __init__(self, detail: str | None = None, retry_after: int = 1) -> None:
        """Say when to come back, in seconds."""
        super().__init__(detail, retryAfter=retry_after)


class Deadlock(ServiceUnavailable):
    """PostgreSQL ended this transaction because it was in a ring of waiting ones; nothing was changed."""


class DeadlineExceeded(Problem):
    """The request took longer than REQUEST_TIMEOUT and was cancelled."""

    code, status, title = "TIMEOUT", 504, "The request took too long"
    detail = "The request was cancelled. Read the record to see whether the change was made before you retry."


class CannotStart(Exception):
    """A condition that prevents the start; for operators, never for clients. The message says what to change."""
