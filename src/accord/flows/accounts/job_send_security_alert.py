"""The task sendSecurityAlert."""

from accord.context import JobContext
from accord.contract.times import parse_time
from accord.flows.accounts import queries


async def job_send_security_alert(context: JobContext, user_id: str, event: str, at: str) -> None:
    """Tell a person of a security event; an id that no account has is the one of a sign-in with an unknown address."""
    account = await queries.find(context.read, user_id)
    if account is None or (account.disabled_at is not None and event != "disabled"):
        return

    when = parse_time(at).strftime("%Y-%m-%d %H:%M UTC")
    values = {"firstName": account.first_name, "event": event, "at": when, "homeLink": "/"}
    await context.mail.deliver("security_alert", account.email, values)
