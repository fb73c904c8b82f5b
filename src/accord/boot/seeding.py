"""`accord db seed`: the root account without the setup token, for an operator who has access to the database."""

import getpass
import os

from accord.boot.processes import serve
from accord.context import ANONYMOUS, Context, RequestInfo
from accord.contract.types import Register
from accord.contract.validators import compile_validator
from accord.flows.accounts import queries, rules
from accord.problems import CannotStart, Problem
from accord.settings import Settings

OPTIONS = {"email": "--email", "firstName": "--first-name", "lastName": "--last-name"}


def asked_password() -> str:
    """Return ROOT_PASSWORD, or the password that the operator types; a default does not exist, on purpose."""
    try:
        return os.environ.get("ROOT_PASSWORD") or getpass.getpass("Password of the root account: ")
    except EOFError as nobody:
        raise CannotStart("The root account needs a password: set ROOT_PASSWORD, or type it at a terminal.") from nobody


def asked_account(email: str, first_name: str, last_name: str) -> Register:
    """Ask for the password and return the new account; raise an error for a wrong value before any server starts."""
    validate = compile_validator({"$ref": "#/components/schemas/Register"})
    named = {"email": email, "firstName": first_name, "lastName": last_name}
    wrong = [error for error in validate(named) if error["field"] != "password"]
    if wrong:
        raise CannotStart("\n".join(f"{OPTIONS[error['field']]} {error['message']}." for error in wrong))
    account: Register = {
        "email": email,
        "firstName": first_name,
        "lastName": last_name,
        "password": asked_password(),
    }
    rules.refuse_weak_password(account)
    return account


async def seed(settings: Settings, body: Register) -> str:
    """Create a root account and return the text for the operator; raise the problem that prevents it."""
    alone = settings.model_copy(update={"flow_transport": "local"})
    async with serve(alone) as process:
        context = Context(process.parts.resources, "seed", ANONYMOUS, RequestInfo("accord db seed"))
        try:
            account = await rules.new_account(context, body, role="root", created_by=None)
            created = await queries.add_unless_email_taken(context.tx, account)
            if created is None:
                return f"Nothing was changed: {body['email']} has an account already."
            await queries.delete_setup_tokens(context.tx)
            context.journal.acted_by(created.id)
            context.journal.created("users", created, account)
            await context.commit()
        except Problem:
            await context.rollback()
            raise
    return f"{body['email']} is root now."
