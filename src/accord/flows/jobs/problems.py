"""The problems of the jobs domain."""

from accord.problems import BusinessRuleViolation, Problem

RETRY_AFTER = 10
"""Seconds after which a client tries again to enqueue an operation of which too many jobs wait."""

MAX_RESULT = 262_144
"""The most bytes of the response that the job of an operation keeps: a page of jobs has up to a hundred of them."""


class AlreadyEnded(BusinessRuleViolation):
    """The job to cancel is completed, dead, or cancelled."""

    code, title = "ALREADY_ENDED", "The job has ended"
    detail = "Nothing was changed. A completed, dead or cancelled job cannot be cancelled."


class NotRetryable(BusinessRuleViolation):
    """The job to run again waits, runs, or is completed."""

    title = "The job is neither dead nor cancelled"
    detail = "Nothing was changed. Wait until the job ends; a completed job does not run again."


class ResultTooLarge(BusinessRuleViolation):
    """The response of an operation is larger than what its job may keep."""

    title = "The response is too large for a job"
    detail = f"Nothing was changed. A job keeps {MAX_RESULT} bytes of a response; ask for less, or send no Prefer."


class TooManyWaiting(Problem):
    """As many jobs of the operation wait for a slot as `maxWaiting` of its `x-async` allows."""

    code, status, title = "TOO_MANY_WAITING", 503, "Too many jobs of this operation wait"
    detail = "Nothing was changed. Try again after the seconds in Retry-After."

    def __init__(self) -> None:
        """Say when to come back, in seconds."""
        super().__init__(retryAfter=RETRY_AFTER)
