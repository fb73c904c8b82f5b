"""The task sendWelcomeFollowUp."""

from accord.context import JobContext
from accord.flows.accounts import queries


async def job_send_welcome_follow_up(context: JobContext, user_id: str) -> None:
    """Ask how it is going, unless the account was deleted or disabled meanwhile."""
    account = await queries.find(context.read, user_id)
    if account is None or account.disabled_at is not None:
        return

    await context.mail.deliver("welcome_follow_up", account.email, {"firstName": account.first_name, "homeLink": "/"})
