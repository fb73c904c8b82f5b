"""The statements of the mail domain: one per function, the condition in the name."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Text, and_, bindparam, cast, delete, func, or_, select

from accord.database.reader import Reader
from accord.database.statement import Statement
from accord.database.transaction import Transaction
from accord.mail.tables import inbox

SHOWN = 100


class MailRow(NamedTuple):
    """A mail of the inbox."""

    id: UUID
    at: datetime
    to: str
    subject: str
    template: str
    text: str
    html: str
    links: list[str]


_to = cast(bindparam("to"), Text)
_subject = cast(bindparam("subject"), Text)
_fits: ColumnElement[bool] = and_(
    or_(_to.is_(None), inbox.c.recipient_key == _to),
    or_(_subject.is_(None), func.strpos(func.lower(inbox.c.subject), func.lower(_subject)) > 0),
)
_NEWEST = Statement(
    select(
        inbox.c.id,
        inbox.c.at,
        inbox.c.recipient.label("to"),
        inbox.c.subject,
        inbox.c.template,
        inbox.c.text,
        inbox.c.html,
        inbox.c.links,
    )
    .where(_fits)
    .order_by(inbox.c.number.desc())
    .limit(SHOWN),
    MailRow,
)
_DELETE = Statement(delete(inbox).where(_fits))


async def newest_mails(read: Reader, to_key: str | None, subject: str | None) -> list[MailRow]:
    """Return the newest mails to an address, with a text in their subject; None admits all."""
    return await read.all(_NEWEST, to=to_key, subject=subject)


async def delete_mails(tx: Transaction, to_key: str | None, subject: str | None) -> None:
    """Delete the mails to an address, with a text in their subject; None admits all."""
    await tx.run(_DELETE, to=to_key, subject=subject)
