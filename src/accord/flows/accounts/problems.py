"""The problems of the accounts domain."""

from accord.problems import BusinessRuleViolation, InvalidCredentials


class LastRoot(BusinessRuleViolation):
    """The change would leave no root account, and so no administrator of the service."""

    title = "This is the last root account"
    detail = "Nothing was changed. Make another account root first."


class SetupTokenRefused(InvalidCredentials):
    """The setup token does not exist, or was used up."""

    detail = "The setup token is wrong or used up. While there is no root account, each start prints a new one."


class WeakPassword(BusinessRuleViolation):
    """The password is among the first that attackers guess."""

    title = "The password is too easy to guess"
    detail = "Nothing was changed. Choose another password."

    def __init__(self, message: str) -> None:
        """Take what is wrong with the password, never the password itself."""
        super().__init__(errors=[{"field": "password", "message": message}])
