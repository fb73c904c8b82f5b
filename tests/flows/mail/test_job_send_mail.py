"""The attempts of sendMail: what each end of the SMTP conversation makes of the job."""

from uuid import uuid4

import pytest
from given import new_email
from mail_server import mail_server
from sqlalchemy import select, text

from accord.context import ANONYMOUS, Context, RequestInfo
from accord.database.statement import Statement
from accord.database.transaction import HeldTransaction
from accord.dispatch import run_to_commit
from accord.flows.mail.job_send_mail import job_send_mail
from accord.mail.mail import MailRefused
from accord.mail.smtp import MailNotSent
from accord.mail.templates import StoredSecret, examples
from accord.outbound.breaker import FAILURES
from accord.queue.outcomes import Later

SOMETHING = Statement(select(text("1 AS one")))
VALUES = examples("welcome")


async def test_the_mail_arrives_under_the_id_of_the_job_at_every_attempt(resources, a_job):
    job_id, to = uuid4(), new_email()
    async with mail_server() as server:
        parts = resources(SMTP_URL=f"smtp://127.0.0.1:{server.port}")
        for attempt in (1, 2):
            context = a_job(parts, job_id, attempt)
            await run_to_commit(context, job_send_mail(context, "welcome", to, VALUES))

    assert [mail["Message-ID"] for mail in server.received] == [f"<{job_id}@example.org>"] * 2
    assert server.envelopes[0] == ("accord@example.org", [to])


async def test_a_mail_that_the_server_refuses_ends_the_job_with_an_event_without_the_address(resources, a_job, given):
    job_id, to = uuid4(), new_email()
    async with mail_server(to_recipient=f"550 5.1.1 <{to}>: no such user") as server:
        context = a_job(resources(SMTP_URL=f"smtp://127.0.0.1:{server.port}"), job_id)
        with pytest.raises(MailRefused, match="no such user") as refused:
            await job_send_mail(context, "welcome", to, VALUES)
        assert to not in str(refused.value)
        await context.commit()

    [[table, kind, fields]] = await given.sql(
        "SELECT record_table, kind, fields FROM accord.journal WHERE record_id = %s", job_id
    )
    assert (table, kind, fields) == ("jobs", "event", {"event": "mail.refused", "template": "welcome", "status": 550})


async def test_a_flow_enqueues_a_mail_with_its_commit(resources, given):
    context, to = Context(resources(), "register", ANONYMOUS, RequestInfo("a request")), new_email()

    job_id = await run_to_commit(context, context.mail.send("welcome", to, VALUES))

    args = {"template": "welcome", "to": to, "values": VALUES}
    assert await given.sql("SELECT task, args FROM accord.jobs WHERE id = %s", job_id) == [("sendMail", args)]


async def test_a_flow_cannot_have_a_secret_stored(resources):
    context = Context(resources(), "register", ANONYMOUS, RequestInfo("a request"))

    with pytest.raises(StoredSecret, match="token"):
        await context.mail.send("welcome", new_email(), {**VALUES, "token": "x"})

    assert context.jobs.queues == set()


async def test_an_address_that_is_none_is_refused_like_one_that_the_server_refuses(a_job):
    with pytest.raises(MailRefused):
        await job_send_mail(a_job(), "welcome", "ada@example.com, eve@example.com", VALUES)


async def test_a_server_that_wants_it_later_fails_the_attempt(resources, a_job):
    async with mail_server(to_recipient="450 4.2.0 greylisted") as server:
        context = a_job(resources(SMTP_URL=f"smtp://127.0.0.1:{server.port}"))
        with pytest.raises(MailNotSent, match="greylisted"):
            await job_send_mail(context, "welcome", new_email(), VALUES)


async def test_while_the_server_is_left_alone_no_attempt_is_used(resources, a_job):
    parts = resources(SMTP_URL="smtp://127.0.0.1:1")
    for _ in range(FAILURES):
        with pytest.raises(MailNotSent):
            await job_send_mail(a_job(parts), "welcome", new_email(), VALUES)

    with pytest.raises(Later) as later:
        await job_send_mail(a_job(parts), "welcome", new_email(), VALUES)

    assert 0 < later.value.seconds <= 30


async def test_no_mail_is_sent_inside_an_open_transaction(a_job, given):
    context = a_job()
    to = new_email()
    await context.tx.run(SOMETHING)

    with pytest.raises(HeldTransaction):
        await context.mail.deliver("welcome", to, VALUES)
    await context.rollback()

    assert await given.sql("SELECT 1 FROM accord.inbox WHERE recipient = %s", to) == []


async def test_a_job_delivers_one_mail(a_job):
    context = a_job()
    await context.mail.deliver("welcome", new_email(), VALUES)

    with pytest.raises(RuntimeError, match="one mail"):
        await context.mail.deliver("welcome", new_email(), VALUES)
    await context.rollback()


async def test_a_mail_of_a_job_that_fails_is_not_kept(a_job, given):
    context, to = a_job(), new_email()
    await context.mail.deliver("welcome", to, VALUES)
    await context.rollback()

    assert await given.sql("SELECT 1 FROM accord.inbox WHERE recipient = %s", to) == []
