"""The problems of the jobs domain."""

from accord.problems import BusinessRuleViolation


class AlreadyEnded(BusinessRuleViolation):
    """The job to cancel is completed, dead, or cancelled."""

    code, title = "ALREADY_ENDED", "The job has ended"
    detail = "Nothing was changed. A completed, dead or cancelled job cannot be cancelled."


class NotRetryable(BusinessRuleViolation):
    """The job to run again waits, runs, or is completed."""

    title = "The job is neither dead nor cancelled"
    detail = "Nothing was changed. Wait until the job ends; a completed job does not run again."
