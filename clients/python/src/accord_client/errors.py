"""Typed errors: one class for each code of the contract, and one for a missing response.

Every error has the `code` and the `status` of the problem, a `detail` that says what to do next, and the `request_id`
that finds it in the logs of the service.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import ClassVar, Final, cast

from .generated.metadata import CODES, OF_A_PROXY, STATUSES, Step
from .generated.models import Conflict, FieldError, Problem

UNEXPECTED: Final = "UNEXPECTED_RESPONSE"
"""The code of a response that is not from the service."""


class AccordError(Exception):
    """The base class of all errors of a call."""

    codes: ClassVar[tuple[str, ...]]
    """The codes of this class."""
    statuses: ClassVar[tuple[int, ...]]
    """The statuses whose unknown codes become this class."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem

    @property
    def code(self) -> str:
        """The stable name of the error."""
        return self.problem.code

    @property
    def status(self) -> int:
        """The status of the response; 0 without a response."""
        return self.problem.status

    @property
    def title(self) -> str:
        return self.problem.title

    @property
    def detail(self) -> str:
        """The result and the next step, for people."""
        return self.problem.detail

    @property
    def request_id(self) -> str:
        """The id of the request in the service's logs; empty without a response."""
        return self.problem.request_id

    def __str__(self) -> str:
        request = f", request {self.request_id}" if self.request_id else ""
        return f"{self.title}: {self.detail} ({self.code}{request})"


class _Later(AccordError):
    """The call may succeed later."""

    @property
    def retry_after(self) -> int:
        """The number of seconds to wait before the next try."""
        return self.problem.retry_after or 0


class ValidationFailed(AccordError):
    """The request does not fit the contract. Nothing was changed."""

    def __str__(self) -> str:
        faults = "; ".join(f"{each.field or 'the body'} {each.message}" for each in self.errors)
        return f"{super().__str__()}: {faults}" if faults else super().__str__()

    @property
    def errors(self) -> list[FieldError]:
        """The fault of each field."""
        return self.problem.errors or []


class Unauthorized(AccordError):
    """No session exists."""


class TokenExpired(Unauthorized):
    """The access token was good once; calls never raise it, because the session is refreshed."""


class SignedOut(Unauthorized):
    """The session is over: its refresh failed, and its tokens were deleted. Sign in again."""


class InvalidCredentials(AccordError):
    """The credentials do not match."""


class Forbidden(AccordError):
    """The account may not do this."""


class NotFound(AccordError):
    """The record does not exist, or the caller may not see it."""


class MethodNotAllowed(AccordError):
    """The path has other methods."""


class NotAcceptable(AccordError):
    """Responses are JSON."""


class VersionConflict(AccordError):
    """A record has moved on since it was read. Nothing was changed; see `update_with_retry`."""

    @property
    def current_version(self) -> int | None:
        """The version that the record has now; None when several moved on, which `conflicts` lists."""
        alone = self.conflicts[0].current_version if len(self.conflicts) == 1 else None
        return self.problem.current_version or alone

    @property
    def conflicts(self) -> list[Conflict]:
        """Every record of a transaction that has moved on."""
        return self.problem.conflicts or []


class PreconditionFailed(VersionConflict):
    """The same, when the version was in `if_match`."""


class AlreadyEnded(AccordError):
    """The job ended before: it cannot be cancelled."""


class AlreadyExists(AccordError):
    """A value that must be unique is taken."""


class IdempotencyInProgress(_Later):
    """The first request with this key is still running."""


class ResyncRequired(AccordError):
    """The position is too old: read the records again, then follow from the current position."""


class PayloadTooLarge(AccordError):
    """The body is over the limit."""


class UnsupportedMediaType(AccordError):
    """The body is not plain JSON."""


class BusinessRuleViolation(AccordError):
    """The request is well formed, and a rule refuses it."""


class IdempotencyKeyReused(AccordError):
    """The key came before, with another request."""


class RateLimited(_Later):
    """Too many requests."""


class AccountLocked(_Later):
    """Signing in failed too often."""


class InternalError(AccordError):
    """A fault of the service; report the request id."""


class ServiceUnavailable(_Later):
    """The service is busy or restarting."""


class TooManyWaiting(ServiceUnavailable):
    """Too many jobs of the operation wait. Nothing was changed."""


class Timeout(AccordError):
    """The service took too long. A read shows whether the change was made."""


class UnexpectedResponse(AccordError):
    """The response is not from the service: a proxy, or a network's sign-in page, made it."""


class ConnectionFailed(AccordError):
    """No response arrived: the service is unreachable, the connection broke, or the timeout passed."""

    def __init__(self, detail: str) -> None:
        super().__init__(_made_up(0, "CONNECTION_FAILED", "No response arrived", detail))


def _named(*classes: type[AccordError]) -> dict[str, type[AccordError]]:
    """Return classes by name, with the classes derived from them, and give each its codes and statuses."""
    found = {error.__name__: error for error in classes}
    for error in classes:
        error.codes = tuple(code for code, (name, _) in CODES.items() if name == error.__name__)
        error.statuses = tuple(status for status, (name, _) in STATUSES.items() if name == error.__name__)
        found |= _named(*error.__subclasses__())
    return found


_classes = _named(AccordError)


def error_of(status: int, content: bytes, request_id: str) -> AccordError:
    """Return the error of a response; a response that is not a problem of the service comes from a proxy on the way."""
    problem = _problem_in(content)
    if problem is None:
        title = HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "Unexpected response"
        detail = "The response is not one of the service; look at the proxies between the service and you."
        problem = _made_up(status, UNEXPECTED, title, detail, request_id)
        return problem_error(problem) if status in OF_A_PROXY else UnexpectedResponse(problem)
    return problem_error(problem)


def problem_error(problem: Problem) -> AccordError:
    """Return the error of the problem's code, or, when that is not known, of its status."""
    name, _ = CODES.get(problem.code) or STATUSES.get(problem.status) or ("AccordError", "wait")
    return _classes[name](problem)


def next_step(error: AccordError) -> Step:
    """Return the next step of a request that ended with this error."""
    _, step = CODES.get(error.code) or STATUSES.get(error.status) or ("AccordError", "wait")
    return step


def signed_out(cause: AccordError | None = None) -> SignedOut:
    """Return the error of a session that is over: a refresh was refused (the cause), or another client signed out."""
    detail, request_id = "The session is over. Sign in again.", cause.request_id if cause else ""
    return SignedOut(_made_up(401, "UNAUTHORIZED", "You are signed out", detail, request_id))


def other_account() -> SignedOut:
    """Return the error of a call that began under another account than the one signed in now."""
    detail = "Another account signed in meanwhile; nothing was sent as that account. Call again."
    return SignedOut(_made_up(401, "UNAUTHORIZED", "Another account is signed in", detail))


def other_history() -> VersionConflict:
    """Return the error of a change to a version that never existed, as after a restored backup."""
    detail = "The record never had the version that this change was made from. Read the record again, then change it."
    return VersionConflict(_made_up(409, "VERSION_CONFLICT", "The record has another history", detail))


def live_error(code: str, detail: str) -> AccordError:
    """Return the error of a frame of the live socket."""
    known = _classes[CODES[code][0]] if code in CODES else AccordError
    status = next(iter(known.statuses), 0) if code in CODES else 0
    return known(_made_up(status, code, "The key cannot be followed", detail))


def _problem_in(content: bytes) -> Problem | None:
    try:
        return Problem.from_dict(cast("dict[str, object]", json.loads(content)))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _made_up(status: int, code: str, title: str, detail: str, request_id: str = "") -> Problem:
    return Problem(
        type_="about:blank",
        title=title,
        status=status,
        detail=detail,
        instance="",
        code=code,
        request_id=request_id,
    )
