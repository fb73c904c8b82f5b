"""The composition root: settings become connections, flows and a server, and all of them stop in order."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

from pydantic import SecretStr

from accord import __version__, logs
from accord.context import ANONYMOUS, Caller, Context, RequestInfo, Resources
from accord.contract import bundle, lint
from accord.contract.operations import Operation, operations
from accord.database.pool import Database
from accord.dispatch import Dispatch, Flow, LocalDispatch, RemoteDispatch, find_flows
from accord.embedded import EmbeddedServer, supervise
from accord.flows.accounts.rules import offer_setup_token
from accord.flows.auth.queries import ended_since, live_session
from accord.messaging.connection import Connection
from accord.messaging.envelope import Envelopes
from accord.messaging.remote import RemoteFlows
from accord.migrations import runner
from accord.security.keys import envelope_key
from accord.security.passwords import Passwords
from accord.security.tokens import AccessTokens, Claims
from accord.security.verified_tokens import VerifiedTokens
from accord.settings import Settings
from accord.worker.service import Worker

Role = Literal["serve", "gateway", "worker"]


class ContractBroken(Exception):
    """The contract and the flows do not fit together; the message lists everything that does not (C-3)."""


class Process:
    """The parts of one process, opened in order; `stack` closes them in the reverse one."""

    def __init__(self, settings: Settings, role: Role) -> None:
        """Take what to run; nothing is opened yet."""
        self.settings = settings
        self.role = role
        self.stopping = False
        self.setup_token: str | None = None
        self._stack = AsyncExitStack()

    @property
    def uses_workers(self) -> bool:
        """Whether flows are sent over NATS rather than run here."""
        return self.role == "gateway" or (self.role == "serve" and self.settings.flow_transport == "nats")

    @property
    def runs_flows(self) -> bool:
        """Whether this process executes flows, for itself or for others."""
        return self.role != "gateway"

    async def __aenter__(self) -> Self:
        """Open everything; what was opened is closed again when something fails."""
        async with AsyncExitStack() as stack:
            self._stack = stack
            self.operations, self.flows = load_contract()
            database_url, nats_url = await self._servers()
            self.database_url = database_url
            await asyncio.to_thread(migrate, database_url, self.settings)
            await self._open(database_url, nats_url)
            if self.role == "serve":
                self.setup_token = await self._offer_setup_token()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close everything."""
        await self._stack.aclose()

    async def _servers(self) -> tuple[str, str]:
        """Return the addresses of PostgreSQL and NATS, starting the embedded ones where none is configured."""
        settings = self.settings
        postgres, nats = await asyncio.gather(
            _postgres(settings) if settings.database_url is None else _nothing(),
            _nats(settings) if settings.nats_url is None else _nothing(),
        )
        started = [server for server in (postgres, nats) if server is not None]
        for server in started:
            self._stack.push_async_callback(asyncio.to_thread, server.stop)
        await self._background(supervise(*started))
        return _address_of(settings.database_url, postgres), _address_of(settings.nats_url, nats)

    async def _open(self, database_url: str, nats_url: str) -> None:
        settings = self.settings
        self.database = Database(database_url, settings.database_pool_size, settings.request_timeout + 5)
        await self.database.open()
        self._stack.push_async_callback(self.database.close)
        self.messaging = Connection(nats_url, f"accord-{self.role}")
        await self.messaging.start()
        self._stack.push_async_callback(self.messaging.close)
        self.resources = Resources(
            settings=settings,
            database=self.database,
            passwords=Passwords(settings),
            tokens=AccessTokens(settings),
            probes={"database": self.database.ping, "messaging": self.messaging.ping},
        )
        self._stack.callback(self.resources.passwords.close)
        self.tokens = VerifiedTokens(self.resources.tokens, self._load_session, self._ended_sessions)
        await self._background(self.tokens.follow())
        envelopes = Envelopes(envelope_key(settings))
        self.local = LocalDispatch(self.resources, self.flows)
        self.dispatch: Dispatch = self.local
        if self.uses_workers:
            remote = RemoteFlows(self.messaging, envelopes)
            await remote.start()
            self.dispatch = RemoteDispatch(remote)
        if self.role == "worker" or (self.role == "serve" and self.uses_workers):
            worker = Worker(self.messaging, envelopes, self.local, self.tokens.caller_of, version=__version__)
            await worker.start(self.operations.values())
            self._stack.push_async_callback(worker.stop, settings.shutdown_timeout)

    async def _load_session(self, claims: Claims) -> Caller | None:
        row = await live_session(self.database, claims.session_id, datetime.now(UTC))
        return None if row is None else Caller.user(str(row.id), row.role, claims.session_id)

    async def _ended_sessions(self, window: float) -> list[str]:
        return await ended_since(self.database, datetime.now(UTC) - timedelta(seconds=window))

    async def ready(self) -> str | None:
        """Return what keeps this process from serving, or None."""
        if self.stopping:
            return "stopping"
        try:
            async with asyncio.timeout(2):
                await self.database.ping()
        except Exception:  # noqa: BLE001 - whatever it is, the database does not answer
            return "database unreachable"
        return await self._workers_missing() if self.uses_workers else None

    async def _workers_missing(self) -> str | None:
        request = RequestInfo("readyz", deadline=time.time() + 2)
        result = await self.dispatch(self.operations["getVersion"], ANONYMOUS, request, {})
        return None if result.success else "no worker answers"

    async def _offer_setup_token(self) -> str | None:
        context = Context(self.resources, "offerSetupToken", ANONYMOUS, RequestInfo("start"))
        token = await offer_setup_token(context)
        await context.commit()
        return token

    async def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)

        async def stop() -> None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

        self._stack.push_async_callback(stop)


def load_contract() -> tuple[dict[str, Operation], dict[str, Flow]]:
    """Return the operations and their flows by operationId; raise ContractBroken with everything that is wrong."""
    document = bundle.load()
    found = {operation.id: operation for operation in operations(document)}
    flows, problems = find_flows(found.values())
    problems += lint.problems(document)
    if problems:
        raise ContractBroken("\n".join(problems))
    return found, flows


def migrate(url: str, settings: Settings) -> None:
    """Bring the database to the head; in production an operator does so with `accord db upgrade`."""
    if not settings.is_production:
        runner.upgrade(url)
    elif (found := runner.current(url)) != runner.head():
        message = (
            f"The database is at {found or 'no revision'}, this release needs {runner.head()}: run `accord db upgrade`."
        )
        raise ContractBroken(message)


async def migrate_or_check(settings: Settings, *, upgrade: bool) -> int:
    """Do what `accord db upgrade` and `accord db check` say; return the exit status."""
    postgres = await _postgres(settings) if settings.database_url is None else None
    try:
        url = _address_of(settings.database_url, postgres)
        if upgrade:
            await asyncio.to_thread(runner.upgrade, url)
        found, newest = await asyncio.to_thread(runner.current, url), runner.head()
    finally:
        if postgres is not None:
            await asyncio.to_thread(postgres.stop)
    sys.stdout.write(f"The database is at {found or 'no revision'}; this release has {newest}.\n")
    return 0 if found == newest else 1


async def _postgres(settings: Settings) -> EmbeddedServer:
    from accord.embedded import postgres  # noqa: PLC0415 - the extra `embedded` need not be installed elsewhere

    return await asyncio.to_thread(postgres.start, settings.data_dir)


async def _nats(settings: Settings) -> EmbeddedServer:
    from accord.embedded import nats  # noqa: PLC0415

    return await asyncio.to_thread(nats.start, settings.data_dir)


async def _nothing() -> None:
    """Start nothing: an address is configured."""


def _address_of(configured: SecretStr | None, embedded: EmbeddedServer | None) -> str:
    if configured is not None:
        return configured.get_secret_value()
    assert embedded is not None
    return embedded.url


@asynccontextmanager
async def stop_signals(stop: Callable[[], None]) -> AsyncGenerator[None]:
    """Call `stop` at the first SIGTERM or SIGINT; the second one ends the process with status 1."""
    loop = asyncio.get_running_loop()
    seen: list[int] = []

    def received(number: int) -> None:
        if seen:
            logs.error("A second signal came; stopping at once.")
            logs.flush()
            os._exit(1)
        seen.append(number)
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, received, number)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def freeze_memory() -> None:
    """Take what the start made out of the garbage collector's sight, so that collections stay short."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def run_worker(settings: Settings) -> int:
    """Run flows for gateways until a signal comes; return the exit status."""
    stopped = asyncio.Event()
    async with stop_signals(stopped.set), Process(settings, "worker"):
        freeze_memory()
        sys.stdout.write("Accord worker is ready.\n")
        sys.stdout.flush()
        await stopped.wait()
    return 0


async def run_server(settings: Settings, role: Role, announce: Callable[[Process, str], None]) -> int:
    """Serve HTTP until a signal comes; return the exit status: 1 when requests had to be cut off."""
    from accord.api.app import Parts, build  # noqa: PLC0415 - a worker needs nothing of HTTP
    from accord.api.server import listening_socket, server  # noqa: PLC0415

    listener = listening_socket(settings.host, settings.port)
    async with Process(settings, role) as process:
        application = build(
            Parts(
                settings=settings,
                database=process.database,
                operations=process.operations,
                flows=process.flows,
                dispatch=process.dispatch,
                tokens=process.tokens,
                ready=process.ready,
            )
        )
        http = server(application, settings)
        stopping_since: list[float] = []

        def stop() -> None:
            process.stopping = True
            stopping_since.append(time.monotonic())
            http.should_exit = True

        freeze_memory()
        async with stop_signals(stop):
            # Whoever reads the announcement may connect at once; until uvicorn accepts, the system keeps them waiting.
            listener.listen(2048)
            announce(process, _address(listener))
            await http.serve(sockets=[listener])
        late = stopping_since and time.monotonic() - stopping_since[0] >= settings.shutdown_timeout
    return 1 if late else 0


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
