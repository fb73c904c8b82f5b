"""The three kinds of process: `serve`, `gateway` and `worker` open their parts in order, and close them in reverse."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accord import __version__
from accord.boot.contract import Contract, load_contract
from accord.boot.jobs import running_jobs
from accord.boot.parts import Parts, opened_parts
from accord.boot.reacting import composed, reacting
from accord.boot.readiness import Check, Readiness
from accord.boot.tracing import traced
from accord.context import ANONYMOUS, Context, RequestInfo, Resources
from accord.contract.operations import Operation
from accord.dispatch import Dispatch, Flow, LocalDispatch
from accord.embedded.prestart import Prestarted
from accord.flows.accounts.rules import offer_setup_token
from accord.messaging.remote import RemoteFlows
from accord.messaging.remote_dispatch import RemoteDispatch
from accord.messaging.worker import Worker
from accord.settings import Settings

if TYPE_CHECKING:
    from accord.boot.spans import Tracing


@dataclass(frozen=True, slots=True)
class HttpProcess:
    """A process that serves HTTP, and runs flows itself or in workers."""

    settings: Settings
    parts: Parts
    operations: Mapping[str, Operation]
    flows: Mapping[str, Flow]
    dispatch: Dispatch
    readiness: Readiness
    tracing: "Tracing | None"
    setup_token: str | None = None


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A process that runs flows for gateways."""

    settings: Settings
    parts: Parts
    readiness: Readiness
    drain: Callable[[], Awaitable[None]]
    """Stops being ready, takes no more requests, and finishes those that run; a second call does nothing."""


@asynccontextmanager
async def serve(settings: Settings, prestarted: Prestarted | None = None) -> AsyncGenerator[HttpProcess]:
    """Serve HTTP and run flows; with FLOW_TRANSPORT=nats, requests go over NATS to any worker, including this one."""
    contract = load_contract()
    async with (
        traced("serve") as tracing,
        opened_parts(settings, "serve", tracing, prestarted, tasks=contract.tasks) as parts,
    ):
        contract = _traced(contract, tracing)
        composed(parts.resources, contract)
        local = _local_dispatch(parts, contract, tracing)
        sends = settings.flow_transport == "nats"
        dispatch, checks = await _remote_dispatch(parts, tracing) if sends else (local, _database_check(parts))
        readiness = Readiness(checks)
        worker = Worker(parts.messaging, parts.signer, local, parts.tokens.caller_of, version=__version__)
        # Without flows over NATS, other services still request `auth.validate`, which every worker offers.
        await worker.start(contract.operations.values() if sends else [])
        async with (
            running_jobs(parts, contract.job_flows, has_metrics=True) as runner,
            reacting(parts, contract.reactions.after, has_metrics=True),
        ):
            try:
                setup_token = await _offered_setup_token(parts.resources)
                yield HttpProcess(
                    settings, parts, contract.operations, contract.flows, dispatch, readiness, tracing, setup_token
                )
            finally:
                readiness.stop()
                await asyncio.gather(worker.stop(settings.shutdown_timeout), runner.stop(settings.shutdown_timeout))


@asynccontextmanager
async def gateway(settings: Settings, prestarted: Prestarted | None = None) -> AsyncGenerator[HttpProcess]:
    """Serve HTTP, and have flows run by workers."""
    contract = load_contract()
    async with (
        traced("gateway") as tracing,
        opened_parts(settings, "gateway", tracing, prestarted, tasks=contract.tasks) as parts,
    ):
        dispatch, checks = await _remote_dispatch(parts, tracing)
        operations, flows = contract.operations, contract.flows
        yield HttpProcess(settings, parts, operations, flows, dispatch, Readiness(checks), tracing)


@asynccontextmanager
async def worker(
    settings: Settings, prestarted: Prestarted | None = None, *, has_metrics: bool
) -> AsyncGenerator[WorkerProcess]:
    """Run flows for gateways; without metrics, figures that only metrics show are not measured."""
    contract = load_contract()
    async with (
        traced("worker") as tracing,
        opened_parts(settings, "worker", tracing, prestarted, tasks=contract.tasks, has_metrics=has_metrics) as parts,
    ):
        contract = _traced(contract, tracing)
        composed(parts.resources, contract)
        dispatch = _local_dispatch(parts, contract, tracing)
        if has_metrics:
            from accord.edge.pipeline.metrics import measured  # noqa: PLC0415 - most workers have no metrics

            dispatch = measured(dispatch)
        messaging_check = parts.resources.probes["messaging"], "messaging unreachable"
        readiness = Readiness([*_database_check(parts), messaging_check])
        flow_worker = Worker(parts.messaging, parts.signer, dispatch, parts.tokens.caller_of, version=__version__)
        await flow_worker.start(contract.operations.values())

        async with (
            running_jobs(parts, contract.job_flows, has_metrics=has_metrics) as runner,
            reacting(parts, contract.reactions.after, has_metrics=has_metrics),
        ):

            async def drain() -> None:
                readiness.stop()
                await asyncio.gather(
                    flow_worker.stop(settings.shutdown_timeout, settings.serves_on_for),
                    runner.stop(settings.shutdown_timeout),
                )

            try:
                yield WorkerProcess(settings, parts, readiness, drain)
            finally:
                await drain()


def _traced(contract: Contract, tracing: "Tracing | None") -> Contract:
    return contract if tracing is None else contract.wrapped(tracing.flows)


def _local_dispatch(parts: Parts, contract: Contract, tracing: "Tracing | None") -> Dispatch:
    dispatch = LocalDispatch(parts.resources, contract.flows, contract.accepting)
    return dispatch if tracing is None else tracing.dispatch(dispatch, remote=False)


async def _remote_dispatch(parts: Parts, tracing: "Tracing | None") -> tuple[Dispatch, list[Check]]:
    """Return the dispatch to workers, and the readiness checks of a process that needs a worker."""
    remote = RemoteFlows(parts.messaging, parts.signer)
    await remote.start()
    dispatch = RemoteDispatch(remote, parts.tokens.end)
    checks = [*_database_check(parts), (remote.workers.are_there, "no worker responds")]
    return dispatch if tracing is None else tracing.dispatch(dispatch, remote=True), checks


def _database_check(parts: Parts) -> list[Check]:
    return [(parts.resources.probes["database"], "database unreachable")]


async def _offered_setup_token(resources: Resources) -> str | None:
    context = Context(resources, "offerSetupToken", ANONYMOUS, RequestInfo("start"))
    token = await offer_setup_token(context)
    await context.commit()
    return token
