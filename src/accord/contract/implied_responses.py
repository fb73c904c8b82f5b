"""The responses that follow from the shape of an operation: the edge gives them, so the merge documents them."""

from collections.abc import Iterable, Mapping
from typing import Any

ALWAYS = {
    "400": "BadRequest",
    "405": "MethodNotAllowed",
    "406": "NotAcceptable",
    "429": "TooManyRequests",
    "500": "InternalError",
    "503": "ServiceUnavailable",
    "504": "Timeout",
}
ASYNCHRONOUS = {"202": "Accepted", "503": "TooManyWaiting"}
ASYNCHRONOUS_PARAMETERS = {"Prefer": "Prefer", "Idempotency-Key": "IdempotencyKey"}
"""The headers that an operation with `x-async` takes, each with the name of its shared parameter."""
WITH_BODY = {"413": "PayloadTooLarge", "415": "UnsupportedMediaType"}
WITH_KEY = {"409": "IdempotencyInProgress", "422": "IdempotencyKeyReused"}


def implied_responses(method: str, path: str, operation: Mapping[str, Any], headers: Iterable[str]) -> dict[str, str]:
    """Return each implied status with the name of its shared response; `headers` are those that the operation takes."""
    permission = operation.get("x-permission")
    return {
        **ALWAYS,
        **(WITH_BODY if "requestBody" in operation else {}),
        **({"401": "Unauthorized"} if permission else {}),
        **({"403": "Forbidden"} if permission not in (None, "self") else {}),
        **({"404": "NotFound"} if "{" in path else {}),
        **({"304": "NotModified"} if method == "get" and "If-None-Match" in headers else {}),
        **({"412": "PreconditionFailed"} if "If-Match" in headers else {}),
        **(ASYNCHRONOUS if "x-async" in operation else {}),
        **(WITH_KEY if "Idempotency-Key" in headers else {}),
    }
