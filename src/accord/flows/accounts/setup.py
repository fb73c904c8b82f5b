"""POST /api/v1/setup."""

from accord.context import Context
from accord.contract.types import Setup, User
from accord.flows.accounts import queries, rules, serializers
from accord.flows.accounts.problems import SetupTokenRefused
from accord.problems import AlreadyExists
from accord.security.opaque_tokens import token_hash


async def setup(context: Context, body: Setup) -> User:
    """Create the root account with the token that the first start printed; the token works once."""
    hashed = token_hash(body["setupToken"])
    if not await queries.is_setup_token(context.read, hashed):
        raise SetupTokenRefused
    account = await rules.new_account(context, body, role="root", created_by=None)

    if not await queries.take_setup_token(context.tx, hashed):
        raise SetupTokenRefused
    created = await queries.add_unless_email_taken(context.tx, account)

    if created is None:
        raise AlreadyExists("Nothing was changed, and the token still works. Use another address.")
    context.journal.acted_by(created.id)
    context.journal.created("users", created, account)
    return serializers.user(created)
