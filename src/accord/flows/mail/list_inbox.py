"""GET /api/v1/dev/inbox."""

from accord.context import Context
from accord.contract.types import Inbox
from accord.flows.mail import rules, serializers


async def list_inbox(context: Context, to: str | None, subject: str | None, wait: int) -> Inbox:
    """Return the mails that fit, newest first; wait up to so many seconds for one."""
    rules.refuse_in_production(context)
    mails = await rules.mails_within(context.read, to, subject, wait, lambda: context.resources.is_stopping)
    return {"items": [serializers.mail(mail) for mail in mails]}
