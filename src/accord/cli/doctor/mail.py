"""The finding about the SMTP server."""

from accord.cli.doctor.finding import Finding
from accord.mail.mail import Mailer
from accord.mail.smtp import MailNotSent
from accord.settings import Settings

ADVICE = "Check SMTP_URL; `accord mail test <to>` sends a mail"


async def finding(settings: Settings) -> Finding:
    """Connect to the SMTP server, encrypt and sign in, without sending."""
    mailer = Mailer(settings)
    if mailer.smtp is None:
        return Finding("mail", "kept in the inbox at /docs/inbox, as SMTP_URL is not set")
    try:
        return Finding("mail", await mailer.smtp.greet())
    except MailNotSent as failure:
        return Finding("mail", str(failure).rstrip("."), ADVICE, works=False)
    finally:
        await mailer.close()
