"""The problems of the changes domain."""

from accord.problems import Problem


class ResyncRequired(Problem):
    """The changes since the cursor were pruned, or the cursor is of another history."""

    code, status, title = "RESYNC_REQUIRED", 410, "The cursor is too old, or of another history"
    detail = "Forget the versions that you hold, read the records again, then follow without a cursor."
