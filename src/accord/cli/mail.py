"""`accord mail test <to>`: sends a mail through the configured server, and shows the words of the server."""

import argparse

from accord import clock
from accord.cli.failures import write_failure
from accord.cli.parser import Parser, subcommands
from accord.cli.startup import add_data_dir, load_settings, run
from accord.database.ids import new_id
from accord.mail import templates
from accord.mail.mail import Mailer
from accord.mail.message import compose
from accord.mail.smtp import MailNotSent, Refused
from accord.mail.templates import UnsafeHeader
from accord.settings import Settings


def define(command: Parser) -> None:
    """Add the command."""
    testing = subcommands(command).add_parser("test", help="send a mail, and show the words of the SMTP server")
    testing.set_defaults(run=_test)
    testing.add_argument("to", help="the address that gets the mail")
    add_data_dir(testing)


def _test(chosen: argparse.Namespace) -> int:
    return run(send_test(load_settings(chosen), chosen.to))


async def send_test(settings: Settings, to: str) -> int:
    """Send a mail from the template `test`; print the words of the server, and return 1 when it takes no mail."""
    mailer = Mailer(settings)
    if mailer.smtp is None:
        write_failure("No SMTP server is configured: set SMTP_URL. Mails are in the inbox at /docs/inbox.")
        return 1
    now = clock.now()
    values = {"at": now.strftime("%Y-%m-%d %H:%M UTC")}
    mail = templates.render("test", values, mailer.public_url)
    try:
        message = compose(mail, mail_id=new_id(), to=to, mail_from=settings.mail_from, date=now)
        print(f"{await mailer.smtp.greet()}.")
        words = await mailer.smtp.send(message, message["To"].addresses[0].addr_spec)
    except (MailNotSent, Refused, UnsafeHeader) as failure:
        write_failure(f"The mail was not sent. {failure}")
        return 1
    finally:
        await mailer.close()
    print(f"The server took the mail to {to}, and said: {words}")
    return 0
