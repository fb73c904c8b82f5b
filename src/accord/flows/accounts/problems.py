"""Refusals of the accounts domain."""

from accord.problems import BusinessRuleViolation, InvalidCredentials


class LastRoot(BusinessRuleViolation):
    """Without a root account nobody could administer the service."""

    title = "This is the last root account"
    detail = "Nothing was changed. Make another account root first."


class SetupTokenRefused(InvalidCredentials):
    """There is no such setup token, or it was used up."""

    detail = "The setup token is wrong or used up. While there is no root account, each start prints a new one."


class WeakPassword(BusinessRuleViolation):
    """The password is one of those that are guessed first."""

    title = "The password is too easy to guess"
    detail = "Nothing was changed. Choose another password."

    def __init__(self, message: str) -> None:
        """Say what is wrong with it, never what it was."""
        super().__init__(errors=[{"field": "password", "message": message}])
