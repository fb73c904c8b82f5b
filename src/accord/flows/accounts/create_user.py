"""POST /api/v1/users."""

from accord.context import SignedInContext
from accord.contract.types import CreateUser, User
from accord.flows.accounts import queries, rules, serializers
from accord.problems import AlreadyExists, Forbidden


async def create_user(context: SignedInContext, body: CreateUser) -> User:
    """Create an account for another person; only root creates administrators."""
    role = body.get("role", "customer")
    if role != "customer" and not context.caller.may("admin:all"):
        raise Forbidden("Only root creates administrators.")
    account = await rules.new_account(context, body, role=role, created_by=context.caller.id)

    created = await queries.add_unless_email_taken(context.tx, account)

    if created is None:
        raise AlreadyExists("Nothing was changed. An account with this address exists already.")
    context.journal.created("users", created, account)
    await context.jobs.enqueue("sendWelcomeMail", {"userId": str(created.id)})
    return serializers.user(created)
