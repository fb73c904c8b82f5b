"""Q-10: a job that runs in one process is cancelled through another one, which stops the attempt within two seconds."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from given import Account, Given, details
from mail_server import MailServer, mail_server
from running import NO_JOBS
from system.faults.deployment import TIMEOUT, TRANSPORT, Deployment, without

STOPPED_WITHIN = 2.0
"""Seconds from the response of the cancel to the end of the attempt."""


class Place(NamedTuple):
    """A deployment that runs no jobs, one more process that runs those of mails, and the server that they go to."""

    deployment: Deployment
    given: Given
    server: MailServer


@pytest.fixture(scope="module")
async def place() -> AsyncIterator[Place]:
    # Not below pytest's own folder: a second run by root closes that to PostgreSQL's account while it is in use.
    async with mail_server(hangs_after_data=True) as server, AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="accord-tests-"))
        deployment = Deployment(Path(folder), JOB_QUEUES=NO_JOBS, SMTP_TIMEOUT="60", MAIL_FROM="accord@example.org")
        stack.callback(deployment.stop)
        await asyncio.to_thread(deployment.seed_root)
        await asyncio.to_thread(deployment.start)
        url = f"smtp://127.0.0.1:{server.port}"
        words, started = (("serve", "--port", "0"), r"(listens on)")
        if TRANSPORT == "nats":
            words, started = (("worker",), r"(worker is ready)")
        mailer = deployment.run("mailer", *words, JOB_QUEUES="mail", SMTP_URL=url, SHUTDOWN_TIMEOUT="1")
        await asyncio.to_thread(mailer.wait_for, started)
        yield Place(deployment, Given(deployment, stack), server)


async def a_running_mail(place: Place) -> str:
    """Register, and return the job of the mail that the server got and has not accepted."""
    place.server.arrived.clear()
    place.server.left.clear()
    registered = await (await place.given.somebody()).post("/api/v1/auth/register", json=details())
    assert registered.status_code == 201, registered.text
    async with asyncio.timeout(TIMEOUT):
        await place.server.arrived.wait()
    return place.server.received[-1]["Message-ID"].removeprefix("<").partition("@")[0]


async def seconds_until_stopped(place: Place, root: Account, job_id: str) -> float:
    """Cancel the job; return the seconds until the process that runs it closes the connection."""
    version = (await root.get(f"/api/v1/jobs/{job_id}")).json()["version"]
    cancelled = await root.post(f"/api/v1/jobs/{job_id}/cancel", expectedVersion=version)
    responded = time.monotonic()
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled"), cancelled.text
    async with asyncio.timeout(TIMEOUT):
        await place.server.left.wait()
    return time.monotonic() - responded


async def three_mails_are_cancelled_in_time(place: Place) -> None:
    root = await place.given.root()
    mails = [await a_running_mail(place)]
    seconds = [await seconds_until_stopped(place, root, mails[0])]
    while len(mails) < 3:
        mails.append(await a_running_mail(place))
        seconds.append(await seconds_until_stopped(place, root, mails[-1]))

    # Of three, so that one pause of a busy machine is no failure.
    assert sorted(seconds)[1] < STOPPED_WITHIN, seconds
    await each_ended_once(place, mails)


async def each_ended_once(place: Place, mails: list[str]) -> None:
    """Look again after another mail came and went through the same process: nothing ended, or began, a second time."""
    last = await a_running_mail(place)
    await seconds_until_stopped(place, await place.given.root(), last)
    rows = await place.given.sql(
        "SELECT state, version, jsonb_path_query_array(attempts, '$[*].outcome') FROM accord.jobs WHERE id = ANY(%s)",
        [*mails, last],
    )
    assert rows == [("cancelled", 3, ["cancelled"])] * 4
    arrived = [mail["Message-ID"].removeprefix("<").partition("@")[0] for mail in place.server.received]
    assert all(arrived.count(job_id) == 1 for job_id in mails)
    # What the flow does after the mail was rolled back.
    assert await place.given.sql("SELECT 1 FROM accord.jobs WHERE task = 'sendWelcomeFollowUp'") == []


async def test_a_job_that_runs_in_another_process_stops_within_two_seconds_of_its_cancel(place):
    await three_mails_are_cancelled_in_time(place)


@pytest.mark.skipif(TRANSPORT == "nats", reason="without NATS a gateway cancels nothing")
async def test_a_running_job_stops_in_time_without_nats_too(place):
    async with without(place.deployment, place.deployment.nats):
        await three_mails_are_cancelled_in_time(place)
