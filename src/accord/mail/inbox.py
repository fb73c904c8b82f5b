"""Keeping mails in the inbox of development: with the commit of the job that delivers them, the newest 500."""

import re
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from accord.database.statement import Statement
from accord.database.transaction import Transaction
from accord.mail.tables import inbox
from accord.mail.templates import Rendered
from accord.security.emails import email_key

KEPT = 500
_LINK = re.compile(r"https?://[^\s<>\"]+")

_columns = ("id", "at", "recipient", "recipient_key", "subject", "template", "text", "html", "links")
_ADD = Statement(
    insert(inbox).values({name: bindparam(name) for name in _columns}).on_conflict_do_nothing().inline(),
)
_first_too_many = select(inbox.c.number).order_by(inbox.c.number.desc()).offset(KEPT).limit(1).scalar_subquery()
_DELETE_OLD = Statement(delete(inbox).where(inbox.c.number <= _first_too_many))


def keep(tx: Transaction, mail_id: UUID, template: str, to: str, mail: Rendered, at: datetime) -> None:
    """Keep a mail from the commit on, in the place of sending it."""
    tx.with_commit(
        _ADD,
        id=mail_id,
        at=at,
        recipient=to,
        recipient_key=email_key(to),
        subject=mail.subject,
        template=template,
        text=mail.text,
        html=mail.html,
        links=links_of(mail.text),
    )
    tx.with_commit(_DELETE_OLD)


def links_of(text: str) -> list[str]:
    """Return the links of a text, each once, in their order."""
    return list(dict.fromkeys(link.rstrip(".,;:!?)") for link in _LINK.findall(text)))
