"""`context.mail`: enqueues a mail; in a job, sends one."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from accord.database.transaction import HeldTransaction, Transaction
from accord.journal.entries import Journal
from accord.mail import inbox, templates
from accord.mail.counts import outcomes
from accord.mail.public_address import noted
from accord.mail.smtp import MailNotSent, Refused, Smtp, SmtpServer
from accord.mail.templates import UnsafeHeader
from accord.outbound.breaker import CircuitOpen
from accord.queue.enqueue import Jobs
from accord.queue.outcomes import Dead, Later
from accord.settings import Settings


class MailRefused(Dead):
    """The SMTP server will never take the mail, or its address is none; the event `mail.refused` is in the journal."""


class Mailer:
    """The mails of a process: its SMTP server, or the inbox of development."""

    def __init__(self, settings: Settings) -> None:
        """Connect to nothing yet."""
        self.settings = settings
        self.address: str | None = None
        """The address that this process listens on, if it does."""
        url = settings.smtp_url
        self.smtp = None if url is None else Smtp(SmtpServer.of(url.get_secret_value()), settings)

    @property
    def public_url(self) -> str:
        """The address that links begin with, without a slash at its end."""
        return self.settings.public_url or self.address or noted(self.settings)

    async def close(self) -> None:
        """Close the connections that are kept."""
        if self.smtp is not None:
            await self.smtp.close()


class Mail:
    """The mails of one flow."""

    __slots__ = ("_jobs",)

    def __init__(self, jobs: Jobs) -> None:
        """Take the jobs of the flow."""
        self._jobs = jobs

    async def send(self, template: str, to: str, values: Mapping[str, str]) -> UUID:
        """Return the id of the job that sends the mail after the commit; no server is asked, and none is waited for.

        The values are stored until the job is deleted: a secret, such as a token, is made in a job and goes through
        `JobMail.deliver`. Raises UnknownTemplate, WrongValues, and StoredSecret; nothing is written then.
        """
        templates.refuse_secrets(values)
        templates.check(template, values)
        return await self._jobs.enqueue("sendMail", {"template": template, "to": to, "values": dict(values)})


class JobMail(Mail):
    """The mails of a job: it may send one itself, whose Message-ID is the id of the job."""

    __slots__ = ("_delivered", "_job_id", "_journal", "_mailer", "_now", "_tx")

    def __init__(
        self,
        jobs: Jobs,
        mailer: Mailer,
        job_id: UUID,
        tx: Callable[[], Transaction],
        journal: Callable[[], Journal],
        now: Callable[[], datetime],
    ) -> None:
        """Take the parts, and the id of the job."""
        super().__init__(jobs)
        self._mailer = mailer
        self._job_id = job_id
        self._tx, self._journal, self._now = tx, journal, now
        self._delivered = False

    async def deliver(
        self, template: str, to: str, values: Mapping[str, str], *, unsubscribe_link: str | None = None
    ) -> None:
        """Send the mail now, before the transaction begins, or keep it in the inbox of development with the commit.

        An optional mail has the path of a page that unsubscribes on POST. Raises HeldTransaction; Later while the
        server is left alone; MailNotSent, which fails the attempt; MailRefused, after which the job is dead.
        """
        if self._tx().is_open:
            raise HeldTransaction("A job delivers its mail before its first write or enqueue.")
        if self._delivered:
            raise RuntimeError("A job delivers one mail, as its id is the Message-ID: enqueue a job for each.")
        self._delivered = True
        try:
            await self._deliver(template, to, values, unsubscribe_link)
        except CircuitOpen as held:
            outcomes["held"] += 1
            raise Later(held.seconds) from held
        except MailNotSent:
            outcomes["failed"] += 1
            raise
        except (Refused, UnsafeHeader) as refused:
            outcomes["refused"] += 1
            raise self._refused(template, to, refused) from refused

    async def _deliver(self, template: str, to: str, values: Mapping[str, str], unsubscribe_link: str | None) -> None:
        from accord.mail.message import compose  # noqa: PLC0415 - its imports take 5 ms, and few processes send mail

        settings, smtp, now = self._mailer.settings, self._mailer.smtp, self._now()
        base = self._mailer.public_url
        mail = templates.render(template, values, base)
        url = None if unsubscribe_link is None else base + unsubscribe_link
        message = compose(
            mail, mail_id=self._job_id, to=to, mail_from=settings.mail_from, date=now, unsubscribe_url=url
        )
        if smtp is None:
            inbox.keep(self._tx(), self._job_id, template, to, mail, now)
            outcomes["kept"] += 1
        else:
            await smtp.send(message, message["To"].addresses[0].addr_spec)
            outcomes["sent"] += 1

    def _refused(self, template: str, to: str, refusal: Refused | UnsafeHeader) -> MailRefused:
        """Note it in the journal; the words of the server lose the address, as entries stay for years."""
        fields: dict[str, Any] = {"event": "mail.refused", "template": template}
        if isinstance(refusal, Refused):
            fields["status"] = refusal.status
        self._journal().event("jobs", self._job_id, fields)
        return MailRefused(re.sub(re.escape(to), "[address]", str(refusal), flags=re.IGNORECASE))
