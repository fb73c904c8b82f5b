"""The task sendWelcomeMail."""

from accord.context import JobContext
from accord.flows.accounts import queries, rules


async def job_send_welcome_mail(context: JobContext, user_id: str) -> None:
    """Send the mail of a registration, and enqueue its follow-up; an account that ended meanwhile gets neither."""
    account = await queries.find(context.read, user_id)
    if account is None or account.disabled_at is not None:
        return

    await context.mail.deliver("welcome", account.email, {"firstName": account.first_name, "homeLink": "/"})

    due = rules.follow_up_time(account, context.settings)
    await context.jobs.enqueue("sendWelcomeFollowUp", {"userId": user_id}, run_at=due, unique_key=user_id)
