"""The problems of the records domain."""

from typing import Any

from accord.contract.record_changes import NoSuchAnchor
from accord.problems import BusinessRuleViolation, Problem, VersionConflict


class RecordsMoved(VersionConflict):
    """Records changed since the caller read them; `conflicts` lists each of them."""

    title = "Records changed since you read them"
    detail = "Nothing was changed. Read those that conflicts lists again, then send a new transaction."

    def __init__(self, conflicts: list[dict[str, Any]]) -> None:
        """Take `{table, id, expectedVersion, currentVersion}` of each record."""
        Problem.__init__(self, conflicts=conflicts)
        self.table = conflicts[0]["table"]


class AnchorMissing(BusinessRuleViolation):
    """The list does not hold the value beside which an operation inserts another."""

    title = "The list does not hold the anchor"
    detail = "Nothing was changed. Read the record again, then choose another place."

    def __init__(self, refused: NoSuchAnchor) -> None:
        """Name the operation that failed."""
        super().__init__(errors=[{"field": refused.field, "message": refused.message}])
