"""Findings about NATS, and about the workers behind it."""

import time
from collections.abc import AsyncIterator

from accord import clock
from accord.cli.doctor.finding import Finding
from accord.context import ANONYMOUS, RequestInfo
from accord.contract import bundle
from accord.contract.operations import Operation, operations
from accord.dispatch import Result
from accord.messaging.connection import Connection
from accord.messaging.remote import RemoteFlows
from accord.messaging.remote_dispatch import RemoteDispatch
from accord.messaging.signing import MessageSigner
from accord.problems import Problem
from accord.security.keys import flow_signing_key
from accord.settings import Settings

TIMEOUT = 2.0
"""Seconds for NATS, and for a worker, to respond."""


async def findings(url: str, settings: Settings) -> AsyncIterator[Finding]:
    """Look whether NATS responds and, where flows run in workers, whether a worker does."""
    needed = settings.flow_transport == "nats"
    connection = Connection(url, "accord-doctor")
    try:
        await connection.start(TIMEOUT)
        started = time.perf_counter()
        await connection.ping()
        yield Finding("messaging", f"NATS responds in {(time.perf_counter() - started) * 1000:.1f} ms")
        if needed:
            yield await _workers(connection, settings)
    except Problem:
        advice = "Check NATS_URL, and that the server runs"
        yield Finding("messaging", "NATS does not respond", advice, works=not needed)
    finally:
        await connection.close()


def _has_key(settings: Settings) -> bool:
    """Say whether there is a key already; asking for it would make one."""
    return settings.flow_signing_key is not None or (settings.data_dir / "keys" / "flow.key").exists()


async def _workers(connection: Connection, settings: Settings) -> Finding:
    if not _has_key(settings):
        return workers(None)
    remote = RemoteFlows(connection, MessageSigner(flow_signing_key(settings)))
    await remote.start()
    request = RequestInfo("accord doctor", deadline=clock.time() + TIMEOUT)
    response = await RemoteDispatch(remote)(_get_version(), ANONYMOUS, request, {})
    return workers(response, strangers=remote.workers.strangers)


def _get_version() -> Operation:
    return next(operation for operation in operations(bundle.load()) if operation.id == "getVersion")


def workers(response: Result | None, *, strangers: int = 0) -> Finding:
    """Judge the response of a worker to a signed request, and heartbeats that another key signed."""
    if response is not None and response.success:
        return Finding("workers", f"at least one responds, of release {response.data['version']}")
    if strangers:
        advice = "Give gateways and workers the same FLOW_SIGNING_KEY"
        return Finding("workers", "one is there, and has another key than this process", advice, works=False)
    return Finding("workers", "none responds", "Start `accord worker`", works=False)
