"""POST /api/v1/setup."""

import hashlib

from accord.context import Context
from accord.contract.types import Setup, User
from accord.flows.accounts import queries, rules, shapes
from accord.problems import AlreadyExists, InvalidCredentials


async def setup(context: Context, body: Setup) -> User:
    """Create the root account with the token that the first start printed; the token works once."""
    account = await rules.new_account(context, body, role="root", created_by=None)
    token_hash = hashlib.sha256(body["setupToken"].encode()).digest()

    taken = await queries.take_setup_token(context.tx, token_hash)
    if not taken:
        raise InvalidCredentials("The setup token is wrong or used up; the server prints a new one when it starts.")
    created = await queries.add_unless_email_taken(context.tx, account)

    if created is None:
        raise AlreadyExists
    context.journal.acted_by(created.id)
    context.journal.created("users", created, account)
    return shapes.user(created)
