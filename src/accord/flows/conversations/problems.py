"""Refusals of the conversations domain."""

from accord.problems import BusinessRuleViolation


class UnknownMember(BusinessRuleViolation):
    """An account that is to be a member does not exist."""

    title = "There is no such account"
    detail = "Nothing was changed. Name accounts that exist."

    def __init__(self, field: str) -> None:
        """Say which field names them."""
        super().__init__(errors=[{"field": field, "message": "names an account that does not exist"}])


class ConversationFull(BusinessRuleViolation):
    """A conversation has as many members as it may have."""

    title = "The conversation has as many members as it may have"
    detail = "Nothing was changed. Begin another conversation, or remove somebody first."
