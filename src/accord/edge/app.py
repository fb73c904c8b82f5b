"""The ASGI application: Connexion with the compiled edge as its only middleware."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connexion.middleware import ConnexionMiddleware
from connexion.resolver import Resolution, Resolver

from accord.context import Caller
from accord.contract import bundle
from accord.contract.operations import Operation
from accord.database.pool import Database
from accord.dispatch import Dispatch, Flow
from accord.edge.pages.pages import Pages, Probes, Readiness
from accord.edge.pipeline import metrics
from accord.edge.pipeline.authentication import Authentication
from accord.edge.pipeline.client_address import ClientAddress
from accord.edge.pipeline.compiled_edge import Edge
from accord.edge.pipeline.cors import Cors, Origins
from accord.edge.pipeline.limits import Limits
from accord.edge.pipeline.operation import CompiledOperation, StreamTo
from accord.edge.pipeline.websocket_handshake import Live, SocketDoor
from accord.edge.responses import always
from accord.security.verified_tokens import VerifiedTokens
from accord.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """What the edge is put together from."""

    settings: Settings
    database: Database
    operations: Mapping[str, Operation]
    flows: Mapping[str, Flow]
    dispatch: Dispatch
    tokens: VerifiedTokens[Caller]
    ready: Readiness
    live: Live
    streams: Mapping[str, StreamTo]


class FlowResolver(Resolver):
    """Tells Connexion which flow carries an operation."""

    def __init__(self, flows: Mapping[str, Flow]) -> None:
        """Take the flows by operationId."""
        super().__init__()
        self._flows = flows

    def resolve(self, operation: Any) -> Resolution:
        """Return the flow of the operation; the boot has checked that there is one."""
        return Resolution(self._flows[operation.operation_id], operation.operation_id)


def build(parts: Parts) -> tuple[ConnexionMiddleware, Edge]:
    """Return the application and the edge in it; everything is compiled before it is asked anything."""
    settings = parts.settings
    document = bundle.load()
    authentication = Authentication(parts.tokens)
    limits = Limits(settings, parts.database)
    addresses = ClientAddress(settings.trusted_proxies)
    origins = _origins(settings)

    def compiled(operation_id: str) -> CompiledOperation:
        return CompiledOperation(
            parts.operations[operation_id],
            document,
            parts.dispatch,
            authentication,
            limits,
            parts.streams,
            body_limit=settings.body_limit,
            timeout=settings.request_timeout,
        )

    edge = Edge(
        compile_operation=compiled,
        page=Pages(settings, parts.ready),
        socket=SocketDoor(parts.live, origins, addresses, limits, always(settings)),
        cors=Cors(origins, document),
        addresses=addresses,
        limits=limits,
        timeout=settings.request_timeout,
        always=always(settings),
    )
    metrics.watch(parts.database)
    application = ConnexionMiddleware(edge, middlewares=[])
    application.add_api(document, resolver=FlowResolver(parts.flows))
    # Without this the stack, and with it every mistake in the contract, would wait for the first request.
    application.app, application.middleware_stack = application._build_middleware_stack()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return application, edge


def build_probes(settings: Settings, database: Database, ready: Readiness) -> Edge:
    """Return the edge of a process that answers probes and Prometheus, and nothing else."""
    metrics.watch(database)
    return Edge(
        page=Probes(settings, ready),
        cors=Cors(_origins(settings), {"paths": {}}),
        addresses=ClientAddress(settings.trusted_proxies),
        limits=Limits(settings, database),
        timeout=settings.request_timeout,
        always=always(settings),
    )


def _origins(settings: Settings) -> Origins:
    return Origins(settings.cors_origins, is_development=settings.env == "development")
