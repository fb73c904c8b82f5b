"""The parts that every process has, as async context managers: the part that is opened last is closed first."""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pydantic import SecretStr

from accord.boot import clock as database_clock
from accord.boot.background import background
from accord.boot.migrating import migrate
from accord.boot.sessions import Sessions
from accord.boot.shared_check import SharedCheck
from accord.context import Resources, SignedIn
from accord.database.database import Database
from accord.database.idempotency import Idempotency
from accord.database.pagination import Cursors
from accord.embedded import EmbeddedServer, supervise
from accord.embedded.prestart import Prestarted, prestart
from accord.flows.meta.rules import works
from accord.journal.housekeeping import STATEMENT_TIMEOUT, Housekeeping
from accord.journal.keys import JournalKeys
from accord.journal.sequencer import Sequencer
from accord.journal.tail import JournalTail
from accord.mail.mail import Mailer
from accord.messaging.connection import Connection
from accord.messaging.job_hints import JobHints
from accord.messaging.notifications import Notifications, announce_positions
from accord.messaging.signing import MessageSigner
from accord.queue.figures import refuse_late
from accord.queue.tasks import Tasks
from accord.security.keys import derived_key, flow_signing_key
from accord.security.passwords import Passwords
from accord.security.tokens import AccessTokens
from accord.security.verified_tokens import VerifiedTokens
from accord.settings import Settings

if TYPE_CHECKING:
    from accord.boot.spans import Tracing

PROBE_TIMEOUT = 2.0
"""Seconds within which PostgreSQL and NATS must respond to a probe."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that every process has."""

    database: Database
    messaging: Connection
    signer: MessageSigner
    sessions: Sessions
    tokens: VerifiedTokens[SignedIn]
    tail: JournalTail
    job_hints: JobHints
    resources: Resources


@asynccontextmanager
async def opened_parts(
    settings: Settings,
    role: str,
    tracing: "Tracing | None",
    prestarted: Prestarted | None,
    *,
    tasks: Tasks,
    has_metrics: bool = True,
) -> AsyncGenerator[Parts]:
    """Open the parts; every process but a gateway also stands by to sequence the journal.

    Without metrics, figures that only metrics show are not measured.
    """
    async with AsyncExitStack() as stack:
        run = partial(background, has_metrics=has_metrics)
        database_url, nats_url = await stack.enter_async_context(
            _addresses(settings, prestarted, has_metrics=has_metrics)
        )
        await asyncio.to_thread(migrate, database_url, production=settings.is_production)
        database = await _database(stack, database_url, settings, tracing)
        await database_clock.learn(database.background)
        await stack.enter_async_context(run("clock", partial(database_clock.follow, database.background)))
        messaging = Connection(nats_url, f"accord-{role}")
        await messaging.start()
        stack.push_async_callback(messaging.close)
        passwords = Passwords(settings)
        stack.callback(passwords.close)
        signed_tokens = AccessTokens(settings)
        mailer = Mailer(settings)
        stack.push_async_callback(mailer.close)
        sessions = Sessions(database)
        tokens = VerifiedTokens(signed_tokens, sessions.load, sessions.ended_within)
        await stack.enter_async_context(run("sessions", tokens.follow))
        tail = JournalTail(database.background, lambda: messaging.is_connected)
        await tail.start()
        sequencer = None
        if role != "gateway":
            sequencer = Sequencer(database_url, partial(announce_positions, messaging, tail))
            await stack.enter_async_context(run("sequencer", sequencer.run))
            keys = JournalKeys(settings, signed_tokens)
            housekeeping = Housekeeping(sequencer, database.bounded(STATEMENT_TIMEOUT), settings.data_dir, keys)
            await housekeeping.prepare()
            await stack.enter_async_context(run("housekeeping", housekeeping.run))
        if has_metrics:
            from accord.journal.backlog import measure  # noqa: PLC0415 - most workers are never asked for metrics

            await stack.enter_async_context(run("backlog", partial(measure, database.background, sequencer)))
            from accord.jobs.measuring import measure as measure_jobs  # noqa: PLC0415 - for metrics alone, too

            await stack.enter_async_context(run("job figures", partial(measure_jobs, database.background)))
        notifications = Notifications(messaging, tail, sequencer)
        await notifications.start()
        await stack.enter_async_context(run("tail", tail.run))
        job_hints = JobHints(messaging)
        resources = Resources(
            settings=settings,
            database=database,
            passwords=passwords,
            tokens=signed_tokens,
            cursors=Cursors(derived_key(settings, "cursors")),
            idempotency=Idempotency(database, derived_key(settings, "idempotency")),
            probes={
                "database": SharedCheck(partial(works, database.ping, PROBE_TIMEOUT), fresh_for=0),
                "messaging": SharedCheck(partial(works, messaging.ping, PROBE_TIMEOUT), fresh_for=0),
                "jobs": SharedCheck(partial(works, partial(refuse_late, database), PROBE_TIMEOUT), fresh_for=1),
            },
            tasks=tasks,
            mailer=mailer,
            journal_appended=notifications.appended,
            jobs_enqueued=job_hints.enqueued,
            sessions_ended=tokens.end,
        )
        signer = MessageSigner(flow_signing_key(settings))
        yield Parts(database, messaging, signer, sessions, tokens, tail, job_hints, resources)


@asynccontextmanager
async def _addresses(
    settings: Settings, prestarted: Prestarted | None, *, has_metrics: bool
) -> AsyncGenerator[tuple[str, str]]:
    """Yield the addresses of PostgreSQL and NATS; embedded servers run, and are supervised, within this block."""
    prestarted = prestarted or prestart(settings)
    async with AsyncExitStack() as stack:
        servers: list[EmbeddedServer] = []

        async def address(configured: SecretStr | None, starting: Future[EmbeddedServer] | None) -> str:
            if configured is not None:
                return configured.get_secret_value()
            assert starting is not None
            server = await asyncio.wrap_future(starting)
            servers.append(server)
            stack.push_async_callback(asyncio.to_thread, server.stop)
            return server.url

        database_url = await address(settings.database_url, prestarted.postgres)
        nats_url = await address(settings.nats_url, prestarted.nats)
        await stack.enter_async_context(background("supervise", partial(supervise, *servers), has_metrics=has_metrics))
        yield database_url, nats_url


async def _database(stack: AsyncExitStack, url: str, settings: Settings, tracing: "Tracing | None") -> Database:
    connection = None if tracing is None else tracing.connection()
    database = Database(url, settings.database_pool_size, settings.request_timeout + 5, connection)
    await database.open()
    stack.push_async_callback(database.close)
    return database
