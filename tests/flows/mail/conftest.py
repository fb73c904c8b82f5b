"""Mails that a job of the test delivers into the inbox of the shared service."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from given import new_email
from reacting import opened_resources

from accord.context import JobContext, RequestInfo, Resources
from accord.dispatch import run_to_commit
from accord.flows.mail.job_send_mail import job_send_mail
from accord.mail.mail import Mailer
from accord.mail.templates import examples
from accord.queue.running import RunningJob
from accord.settings import load


@pytest.fixture
async def resources(service):
    """`resources(SMTP_URL=…)` has a mail server, else mails are kept."""
    environ = {**service.environment, "ENV": "test", "MAIL_FROM": "accord@example.org"}
    settings = load(environ)
    made = []
    async with opened_resources(service.database_url, settings.data_dir, settings) as parts:

        def make(**changes) -> Resources:
            changed = load({**environ, **changes})
            made.append(Mailer(changed))
            return replace(parts, settings=changed, mailer=made[-1])

        yield make
    for mailer in made:
        await mailer.close()


@pytest.fixture
def a_job(resources):
    """`a_job()` returns the context of an attempt of sendMail."""

    def make(parts: Resources | None = None, job_id: UUID | None = None, attempt: int = 1) -> JobContext:
        job = RunningJob(job_id or uuid4(), "sendMail", attempt, None)
        return JobContext(parts or resources(), job, RequestInfo("a request"))

    return make


@pytest.fixture
def a_mail(a_job) -> Callable[..., Awaitable[str]]:
    """`await a_mail("welcome")` keeps a mail to a new address, which it returns."""

    async def deliver(template: str = "welcome", to: str | None = None, **values: str) -> str:
        to = to or new_email()
        context = a_job()
        await run_to_commit(context, job_send_mail(context, template, to, {**examples(template), **values}))
        return to

    return deliver
