"""Refusals of the changes domain."""

from accord.problems import Problem


class ResyncRequired(Problem):
    """The journal no longer tells what happened since the position, or never had it."""

    code, status, title = "RESYNC_REQUIRED", 410, "The position is too old"
    detail = "Read the records again, then follow from the current position."
