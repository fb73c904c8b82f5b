"""The problems of the jobs domain."""

from accord.problems import BusinessRuleViolation, Problem

RETRY_AFTER = 10
"""Seconds after which a client tries again to enqueue an operation of which too many jobs wait."""


class AlreadyEnded(BusinessRuleViolation):
    """The job to cancel is completed, dead, or cancelled."""

    code, title = "ALREADY_ENDED", "The job has ended"
    detail = "Nothing was changed. A completed, dead or cancelled job cannot be cancelled."


class NotRetryable(BusinessRuleViolation):
    """The job to run again waits, runs, or is completed."""

    title = "The job is neither dead nor cancelled"
    detail = "Nothing was changed. Wait until the job ends; a completed job does not run again."


class TooManyWaiting(Problem):
    """As many jobs of the operation wait for a slot as `maxWaiting` of its `x-async` allows."""

    code, status, title = "TOO_MANY_WAITING", 503, "Too many jobs of this operation wait"
    detail = "Nothing was changed. Try again after the seconds in Retry-After."

    def __init__(self) -> None:
        """Say when to come back, in seconds."""
        super().__init__(retryAfter=RETRY_AFTER)
