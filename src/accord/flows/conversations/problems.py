"""The problems of the conversations domain."""

from accord.problems import BusinessRuleViolation


class UnknownMember(BusinessRuleViolation):
    """An account that a request names as a member does not exist."""

    title = "The account does not exist"
    detail = "Nothing was changed. Name accounts that exist."

    def __init__(self, field: str) -> None:
        """Name the field of the request that has the ids."""
        super().__init__(errors=[{"field": field, "message": "names an account that does not exist"}])


class ConversationFull(BusinessRuleViolation):
    """The conversation has as many members as it may have."""

    title = "The conversation has as many members as it may have"
    detail = "Nothing was changed. Begin another conversation, or remove a member first."
