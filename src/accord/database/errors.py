"""The meaning of PostgreSQL's errors: whose fault each is, and whether to try again."""

import time

import psycopg
from psycopg import errors

from accord.problems import AlreadyExists, DeadlineExceeded, Deadlock, Problem, ServiceUnavailable
from accord.telemetry import logs

LOG_AGAIN = 60.0
"""Seconds for which an error that goes on is logged once, however many requests meet it."""

# SQLSTATEs, or how they begin, that say "not now" or "not here", whatever class psycopg gives them: connections that
# ended, no writes here, ended by a limit, statements deallocated by an operator or a pooler, no resources, in use, an
# operator or a shutdown, the machine below.
_NOT_NOW = ("08", "25006", "25P03", "25P04", "26000", "40003", "53", "55006", "55P03", "57", "58")
# SQLSTATEs after which the server, or this connection's part of it, has to be looked at.
_GONE = ("08", "25006", "57P")
_LOST_A_RACE = (errors.DeadlockDetected, errors.SerializationFailure)


class Errors:
    """Translates errors into problems, and logs those that operators must know of once for all requests."""

    def __init__(self) -> None:
        """Begin with nothing logged."""
        self._logged_at: dict[str, float] = {}

    def problem(self, error: psycopg.Error) -> Problem:
        """Return the problem; raise the error when it is a mistake of ours."""
        if isinstance(error, errors.UniqueViolation):
            return AlreadyExists()
        if isinstance(error, errors.QueryCanceled):
            return DeadlineExceeded()
        if isinstance(error, _LOST_A_RACE):
            return Deadlock()
        if not is_not_now(error):
            raise error
        if error.sqlstate is not None:
            self._log(error.sqlstate, error)
        return ServiceUnavailable()

    def _log(self, sqlstate: str, error: psycopg.Error) -> None:
        now = time.monotonic()
        if now - self._logged_at.get(sqlstate, float("-inf")) >= LOG_AGAIN:
            self._logged_at[sqlstate] = now
            logs.error("PostgreSQL refuses.", sqlstate=sqlstate, reason=words_of(error), advice=error.diag.message_hint)


def is_not_now(error: psycopg.Error) -> bool:
    """Say whether it is about the server's state, or the way to it, rather than about the statement."""
    by_class = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return by_class or (error.sqlstate or "").startswith(_NOT_NOW) or is_outdated(error)


def is_outdated(error: psycopg.Error) -> bool:
    """Say whether a migration changed the columns of a prepared statement, which a new connection prepares anew."""
    # The error has no SQLSTATE of its own, and its message is in the server's language.
    is_of_plan = error.diag.source_function == "RevalidateCachedQuery"
    return isinstance(error, errors.FeatureNotSupported) and is_of_plan


def is_gone(error: psycopg.Error) -> bool:
    """Say whether the server may be away, or is not the one that takes writes any more."""
    return is_not_now(error) and (error.sqlstate is None or error.sqlstate.startswith(_GONE))


def words_of(error: BaseException) -> str:
    """Return the first line of what PostgreSQL, or the way to it, said."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
