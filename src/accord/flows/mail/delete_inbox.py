"""DELETE /api/v1/dev/inbox."""

from accord.context import Context
from accord.flows.mail import queries, rules


async def delete_inbox(context: Context, to: str | None, subject: str | None) -> None:
    """Delete the mails that fit; without a filter, all of them."""
    rules.refuse_in_production(context)
    await queries.delete_mails(context.tx, rules.key_of(to), subject)
