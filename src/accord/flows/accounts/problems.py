"""Refusals of the accounts domain."""

from accord.problems import BusinessRuleViolation


class LastRoot(BusinessRuleViolation):
    """Without a root account nobody could administer the service."""

    title = "This is the last root account"
    detail = "Nothing was changed. Make another account root first."


class WeakPassword(BusinessRuleViolation):
    """The password is one of those that are guessed first."""

    title = "The password is too easy to guess"
    detail = "Nothing was changed. Choose another password."

    def __init__(self, message: str) -> None:
        """Say what is wrong with it, never what it was."""
        super().__init__(errors=[{"field": "password", "message": message}])
