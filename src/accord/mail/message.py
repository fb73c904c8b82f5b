"""A mail as SMTP has it: headers of one line each, text and HTML."""

from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from uuid import UUID

from accord.mail.templates import Rendered, UnsafeHeader, one_line


def address(email: str) -> Address:
    """Return one address; raise UnsafeHeader for what is none, or more than one: the parser has many errors for it."""
    try:
        found = Address(addr_spec=one_line(email.strip(), "address"))
        # Few servers take other letters in a domain, and each domain has a form without.
        domain = found.domain if found.domain.isascii() else found.domain.encode("idna").decode()
        return Address(username=found.username, domain=domain)
    except (HeaderParseError, ValueError, IndexError, AttributeError):
        raise UnsafeHeader("The address of a mail must be one address.") from None


def sender(mail_from: str) -> Address:
    """Return the sender of MAIL_FROM, with its name if it has one."""
    name, email = parseaddr(mail_from)
    found = address(email)
    return Address(one_line(name, "sender"), found.username, found.domain)


def message_id(mail_id: UUID, mail_from: str) -> str:
    """Return the Message-ID: the same for every attempt to send this mail."""
    return f"<{mail_id}@{sender(mail_from).domain}>"


def compose(
    mail: Rendered, *, mail_id: UUID, to: str, mail_from: str, date: datetime, unsubscribe_url: str | None = None
) -> EmailMessage:
    """Return the message; one with an address to unsubscribe says so in one click (RFC 8058). Raises UnsafeHeader."""
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = message_id(mail_id, mail_from)
    message["Date"] = format_datetime(date)
    message["From"] = sender(mail_from)
    message["To"] = address(to)
    message["Subject"] = one_line(mail.subject, "subject")
    message["Auto-Submitted"] = "auto-generated"
    if unsubscribe_url is not None:
        message["List-Unsubscribe"] = f"<{one_line(unsubscribe_url, 'List-Unsubscribe')}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message
