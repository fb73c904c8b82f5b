"""The whole way: registrations in a service whose SMTP server takes the mail, refuses it, hangs, or is gone."""

import time
from datetime import timedelta

import pytest
from given import details
from mail_server import mail_server
from processes import once

pytestmark = once
QUICK = 5.0
"""Seconds that a registration may take on a busy machine; the server hangs for longer than that."""


def outcomes(job):
    return [attempt["outcome"] for attempt in job.attempts]


async def test_a_registration_is_201_at_once_whatever_the_mail_server_does(alone, given):
    async with mail_server() as server:
        mail = {"SMTP_URL": f"smtp://127.0.0.1:{server.port}", "SMTP_TIMEOUT": "60", "MAIL_FROM": "accord@example.org"}
        service = alone(**mail, SHUTDOWN_TIMEOUT="1").start()
        there = given.of(service)

        async def registered():
            somebody, body = await there.somebody(), details()
            started = time.monotonic()
            response = await somebody.post("/api/v1/auth/register", json=body)
            assert response.status_code == 201
            assert time.monotonic() - started < QUICK
            return body["email"], response

        taken, response = await registered()
        [job] = await there.jobs.drain(response)
        assert (job.state, server.envelopes) == ("completed", [("accord@example.org", [taken])])
        assert server.received[0]["Message-ID"] == f"<{job.id}@example.org>"

        server.to_recipient = "550 5.1.1 No such user"
        _, response = await registered()
        [job] = await there.jobs.drain(response)
        events = [entry["fields"] for entry in await there.jobs.entries(job) if entry["kind"] == "event"]
        assert (job.state, sorted(event["event"] for event in events)) == ("dead", ["job.dead", "mail.refused"])
        assert "550 5.1.1 No such user" in job.attempts[0]["error"]

        server.to_recipient = "450 4.2.0 greylisted"
        _, response = await registered()
        # The waits are 5, 10, 20 and 40 s, and up to 30 % more.
        [job] = await there.jobs.drain(response, after=timedelta(minutes=1))
        assert (job.state, outcomes(job)) == ("retrying", ["failed"] * 4)
        server.to_recipient = "250 OK"
        [job] = await there.jobs.drain(response, after=timedelta(minutes=1))
        assert (job.state, outcomes(job)) == ("completed", [*["failed"] * 4, "ok"])
        assert [mail["Message-ID"] for mail in server.received[1:]] == [f"<{job.id}@example.org>"]

        server.hangs_after_data = True
        server.arrived.clear()
        await registered()
        await server.arrived.wait()
        await registered()
    for program in service.programs:
        assert program.process.poll() is None


@pytest.mark.faults
async def test_a_mail_that_the_server_wants_later_is_tried_for_a_day_and_then_dead(alone, given):
    async with mail_server(to_recipient="450 4.2.0 greylisted") as server:
        there = given.of(alone(SMTP_URL=f"smtp://127.0.0.1:{server.port}", MAIL_FROM="accord@example.org").start())
        registered = await (await there.somebody()).post("/api/v1/auth/register", json=details())

        [job] = await there.jobs.drain(registered, after=timedelta(hours=24))
        assert job.state == "retrying"
        [job] = await there.jobs.drain(registered, after=timedelta(hours=8))

        assert (job.state, outcomes(job)) == ("dead", ["failed"] * 34)
        assert (server.asked, server.received) == (34, [])
