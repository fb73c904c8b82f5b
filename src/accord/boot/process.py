"""The composition root: settings become connections and flows, and all of them stop in order."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Literal, Self

from pydantic import SecretStr

from accord import __version__, clock
from accord.boot import clock as database_clock
from accord.boot import telemetry
from accord.boot.background import keep_running
from accord.boot.contract import load_contract
from accord.boot.glance import Glance
from accord.boot.migrating import migrate
from accord.context import ANONYMOUS, Context, RequestInfo, Resources, SignedIn
from accord.database.idempotency import Idempotency
from accord.database.pagination import Cursors
from accord.database.pool import Database
from accord.dispatch import Dispatch, LocalDispatch
from accord.embedded import EmbeddedServer, supervise
from accord.embedded.ahead import Starting, begin
from accord.flows.accounts.rules import offer_setup_token
from accord.flows.auth.queries import ended_since, live_session
from accord.flows.auth.rules import forget_failures_over_since, forget_sessions_over_before, note_use
from accord.flows.meta.rules import works
from accord.journal.housekeeping import Housekeeping
from accord.journal.keys import JournalKeys
from accord.journal.sequencer import Sequencer
from accord.journal.tail import JournalTail
from accord.messaging.connection import Connection
from accord.messaging.notifications import Notifications
from accord.messaging.remote import RemoteFlows
from accord.messaging.remote_dispatch import RemoteDispatch
from accord.messaging.signing import MessageSigner
from accord.messaging.worker import Worker
from accord.security.keys import derived_key, flow_signing_key
from accord.security.passwords import Passwords
from accord.security.tokens import AccessTokens, Claims
from accord.security.verified_tokens import VerifiedTokens
from accord.settings import Settings

if TYPE_CHECKING:
    from accord.live.following import Live

PROBE_LIMIT = 2.0
"""Seconds within which PostgreSQL and NATS must answer those who look whether they are there."""
Role = Literal["serve", "gateway", "worker"]


class Process:
    """The parts of one process, opened in order and closed in the reverse one."""

    def __init__(
        self, settings: Settings, role: Role, starting: Starting | None = None, *, has_metrics: bool = True
    ) -> None:
        """Take what to run, and the embedded servers if they are on their way already; nothing is opened yet.

        Without metrics nothing is measured that nobody could ask for.
        """
        self.settings = settings
        self.role = role
        self.has_metrics = has_metrics
        self.stopping = False
        self.setup_token: str | None = None
        self.sequencer: Sequencer | None = None
        self.servers: list[EmbeddedServer] = []
        self._starting = starting
        self._worker: Worker | None = None
        self._looked = Glance(self._look)
        self._remote: RemoteFlows | None = None
        self._stack = AsyncExitStack()

    @property
    def uses_workers(self) -> bool:
        """Whether flows are sent over NATS rather than run here."""
        return self.role == "gateway" or (self.role == "serve" and self.settings.flow_transport == "nats")

    async def __aenter__(self) -> Self:
        """Open everything; what was opened is closed again when something fails."""
        async with AsyncExitStack() as stack:
            self._stack = stack
            self.operations, self.flows = load_contract()
            self._trace()
            self.database_url, nats_url = await self._addresses()
            await asyncio.to_thread(migrate, self.database_url, production=self.settings.is_production)
            await self._open(nats_url)
            if self.role == "serve":
                self.setup_token = await self._offer_setup_token()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close everything."""
        await self._stack.aclose()

    def abandon(self) -> None:
        """Stop the embedded servers and nothing else; for a process that ends at once."""
        for server in self.servers:
            server.stop()

    def _trace(self) -> None:
        self.tracing = telemetry.start(os.environ, self.role)
        if self.tracing is not None:
            self._stack.push_async_callback(self.tracing.close)
            self.flows = self.tracing.flows(self.flows)

    def _traced(self, dispatch: Dispatch, *, remote: bool) -> Dispatch:
        return dispatch if self.tracing is None else self.tracing.dispatch(dispatch, remote=remote)

    async def _addresses(self) -> tuple[str, str]:
        """Return the addresses of PostgreSQL and NATS, starting the embedded ones where none is configured."""
        settings = self.settings
        starting = self._starting or begin(settings)
        database_url = await self._address(settings.database_url, starting.postgres)
        nats_url = await self._address(settings.nats_url, starting.nats)
        await self._background("supervise", partial(supervise, *self.servers))
        return database_url, nats_url

    async def _address(self, configured: SecretStr | None, starting: Future[EmbeddedServer] | None) -> str:
        if configured is not None:
            return configured.get_secret_value()
        assert starting is not None
        server = await asyncio.wrap_future(starting)
        self.servers.append(server)
        self._stack.push_async_callback(asyncio.to_thread, server.stop)
        return server.url

    async def _open(self, nats_url: str) -> None:
        settings = self.settings
        self.database = Database(
            self.database_url,
            settings.database_pool_size,
            settings.request_timeout + 5,
            None if self.tracing is None else self.tracing.connection(),
        )
        await self.database.open()
        self._stack.push_async_callback(self.database.close)
        await database_clock.learn(self.database)
        await self._background("clock", partial(database_clock.follow, self.database))
        self.messaging = Connection(nats_url, f"accord-{self.role}")
        await self.messaging.start()
        self._stack.push_async_callback(self.messaging.close)
        self.resources = Resources(
            settings=settings,
            database=self.database,
            passwords=Passwords(settings),
            tokens=AccessTokens(settings),
            cursors=Cursors(derived_key(settings, "cursors")),
            idempotency=Idempotency(self.database, derived_key(settings, "idempotency")),
            probes={
                "database": Glance(partial(works, self.database.ping, PROBE_LIMIT), fresh_for=0),
                "messaging": Glance(partial(works, self.messaging.ping, PROBE_LIMIT), fresh_for=0),
            },
        )
        self._stack.callback(self.resources.passwords.close)
        self.tokens = VerifiedTokens(self.resources.tokens, self._load_session, self._ended_sessions)
        self.resources.sessions_ended = self.tokens.end
        await self._background("sessions", self.tokens.follow)
        await self._follow_journal()
        self.local = self._traced(LocalDispatch(self.resources, self.flows), remote=False)
        self.dispatch = self.local
        signer = MessageSigner(flow_signing_key(settings))
        if self.uses_workers:
            self._remote = RemoteFlows(self.messaging, signer)
            await self._remote.start()
            self.dispatch = self._traced(RemoteDispatch(self._remote, self.tokens.end), remote=True)
        if self.role != "gateway":
            worker = Worker(self.messaging, signer, self._counted(), self.tokens.caller_of, version=__version__)
            # Without workers only `auth.validate` is offered: other services ask it wherever flows run.
            await worker.start([] if self.dispatch is self.local and self.role == "serve" else self.operations.values())
            self._worker = worker
            self._stack.push_async_callback(self.drain)

    def _counted(self) -> Dispatch:
        """Return what runs flows for gateways; where there is an edge, it counts them."""
        if self.role != "worker" or not self.has_metrics:
            return self.local
        from accord.edge.pipeline.metrics import measured  # noqa: PLC0415

        return measured(self.local)

    async def _follow_journal(self) -> None:
        """Follow the journal in every process, and stand by to sequence it in each that runs flows."""
        self.tail = JournalTail(self.database, lambda: self.messaging.is_connected)
        await self.tail.start()
        notifications = Notifications(self.messaging, self.tail)
        if self.role != "gateway":
            self.sequencer = notifications.sequencer = Sequencer(self.database_url, notifications.positions_assigned)
            await self._background("sequencer", self.sequencer.run)
            keys = JournalKeys(self.settings, self.resources.tokens)
            housekeeping = Housekeeping(self.sequencer, self.database, self.settings.data_dir, keys, self._forget_old)
            await housekeeping.prepare()
            await self._background("housekeeping", housekeeping.run)
        if self.has_metrics:
            from accord.journal.backlog import measure  # noqa: PLC0415 - most workers are never asked for metrics

            await self._background("backlog", partial(measure, self.database, self.sequencer))
        await notifications.start()
        self.resources.journal_appended = notifications.appended
        await self._background("tail", self.tail.run)

    def live(self) -> "Live":
        """Put together what serves sockets and streams."""
        from accord.live.following import Live  # noqa: PLC0415 - a worker needs nothing of it

        return Live(
            self.tail,
            self.database,
            self.dispatch,
            self.operations["streamChanges"],
            self.resources.tokens,
            self.tokens,
            caller_of_session=self._caller_of_session,
            token_life=self.settings.access_token_ttl,
        )

    async def _load_session(self, claims: Claims) -> SignedIn | None:
        row = await live_session(self.database, claims.session_id, clock.now())
        if row is None:
            return None
        # Before the token counts: whoever got an answer with it has shown that the one of its refresh arrived.
        await note_use(self.database, claims.session_id, row, claims.generation)
        return SignedIn.user(str(row.id), row.role, claims.session_id)

    async def _caller_of_session(self, session_id: str) -> SignedIn | None:
        row = await live_session(self.database, session_id, clock.now())
        return None if row is None else SignedIn.user(str(row.id), row.role, session_id)

    async def _ended_sessions(self, window: float) -> list[str]:
        return await ended_since(self.database, clock.now() - timedelta(seconds=window))

    async def _forget_old(self) -> bool:
        more = await forget_failures_over_since(self.database, self.settings.lockout_window)
        return await self._forget_sessions() or more

    async def _forget_sessions(self) -> bool:
        kept_for = timedelta(seconds=self.settings.session_retention)
        return await forget_sessions_over_before(self.database, clock.now() - kept_for)

    async def ready(self) -> str | None:
        """Return what keeps this process from serving, or None."""
        if self.stopping:
            return "stopping"
        return await self._looked()

    async def _look(self) -> str | None:
        if not await self.resources.probes["database"]():
            return "database unreachable"
        if self.role == "worker" and not await self.resources.probes["messaging"]():
            return "messaging unreachable"
        if self._remote is not None and not await self._remote.workers.are_there():
            return "no worker answers"
        return None

    async def drain(self) -> None:
        """Be not ready any more, take no more from gateways, and finish what they sent; again, it does nothing."""
        self.stopping = True
        worker, self._worker = self._worker, None
        if worker is not None:
            # Where HTTP is served, too, the time in which others learn that it ends is over already.
            delay = self.settings.serves_on_for if self.role == "worker" else 0
            await worker.stop(self.settings.shutdown_timeout, delay)

    async def _offer_setup_token(self) -> str | None:
        context = Context(self.resources, "offerSetupToken", ANONYMOUS, RequestInfo("start"))
        token = await offer_setup_token(context)
        await context.commit()
        return token

    async def _background(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        if self.has_metrics:
            from accord.boot.metrics import restarts  # noqa: PLC0415 - most workers are never asked for metrics

            restarts.labels(name)  # Told from zero on, so that the first restart shows.
        task = asyncio.create_task(keep_running(name, run), name=name)

        async def stop() -> None:
            task.cancel()
            await asyncio.wait([task])

        self._stack.push_async_callback(stop)
