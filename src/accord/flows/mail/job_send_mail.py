"""The task sendMail."""

from accord.context import JobContext


async def job_send_mail(context: JobContext, template: str, to: str, values: dict[str, str]) -> None:
    """Send the mail that an operation enqueued."""
    await context.mail.deliver(template, to, values)
