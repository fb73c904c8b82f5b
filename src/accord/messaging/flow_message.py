"""The message that carries a flow's caller, request and inputs: written by the gateway, read by the worker."""

from collections.abc import Callable
from typing import Any

from accord.context import ANONYMOUS, Caller, RequestInfo, SignedIn


def encode(caller: Caller, request: RequestInfo, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the message as JSON's types, without the deadline: the signed message has the time that is left."""
    message: dict[str, Any] = {
        "caller": {
            "id": caller.id,
            "role": caller.role,
            "session_id": caller.session_id,
            "permissions": sorted(caller.permissions),
        },
        "request": {
            "id": request.id,
            "address": request.address,
            "user_agent": request.user_agent,
            "traceparent": request.traceparent,
            "tracestate": request.tracestate,
            "idempotency_key": request.idempotency_key,
        },
        "inputs": inputs,
    }
    if request.prefers_async:
        # Only here: a worker of an earlier release takes no more of a request than it knows.
        message["request"]["prefers_async"] = True
    return message


def decode(
    message: dict[str, Any], deadline: float, is_awaited: Callable[[], bool]
) -> tuple[Caller, RequestInfo, dict[str, Any]]:
    """Return the caller, the request and the inputs of a message; the deadline is in seconds of the Unix epoch."""
    caller, request = message["caller"], message["request"]
    return (
        SignedIn(**caller | {"permissions": frozenset(caller["permissions"])}) if caller["id"] else ANONYMOUS,
        RequestInfo(**request | {"deadline": deadline, "is_awaited": is_awaited}),
        message["inputs"],
    )
