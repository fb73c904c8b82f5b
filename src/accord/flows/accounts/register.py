"""POST /api/v1/auth/register."""

from accord.context import Context
from accord.contract.types import Register, User
from accord.flows.accounts import queries, rules, serializers
from accord.problems import AlreadyExists


async def register(context: Context, body: Register) -> User:
    """Create a customer's account, unless the address is taken."""
    account = await rules.new_account(context, body, role="customer", created_by=None)

    created = await queries.add_unless_email_taken(context.tx, account)

    if created is None:
        raise AlreadyExists("Nothing was changed. Sign in to the account that has this address, or use another one.")
    context.journal.acted_by(created.id)
    context.journal.created("users", created, account)
    await context.jobs.enqueue("sendWelcomeMail", {"userId": str(created.id)})
    return serializers.user(created)
