"""The ASGI application: the compiled edge, made of the operations that Connexion resolved."""

from collections.abc import Mapping
from dataclasses import dataclass

from accord.context import SignedIn
from accord.contract import bundle
from accord.contract.operations import Operation
from accord.database.database import Database
from accord.dispatch import Dispatch, Flow
from accord.edge.pages.pages import Pages, Probes, Readiness
from accord.edge.pipeline import metrics
from accord.edge.pipeline.authentication import Authentication
from accord.edge.pipeline.client_address import ClientAddress
from accord.edge.pipeline.compiled_edge import Edge
from accord.edge.pipeline.cors import Cors, Origins
from accord.edge.pipeline.limits import Limits
from accord.edge.pipeline.operation import CompiledOperation, StreamTo
from accord.edge.pipeline.websocket_handshake import Live, WebSocketHandshake
from accord.edge.resolved_operations import ResolvedOperation, resolved_operations
from accord.edge.responses import always
from accord.security.verified_tokens import VerifiedTokens
from accord.settings import Settings


@dataclass(frozen=True, slots=True)
class EdgeDependencies:
    """The parts of a process that the edge uses."""

    settings: Settings
    database: Database
    operations: Mapping[str, Operation]
    flows: Mapping[str, Flow]
    dispatch: Dispatch
    tokens: VerifiedTokens[SignedIn]
    ready: Readiness
    live: Live
    streams: Mapping[str, StreamTo]


def build(parts: EdgeDependencies) -> Edge:
    """Return the application; all operations are compiled before the first request."""
    settings = parts.settings
    document = bundle.load()
    authentication = Authentication(parts.tokens)
    limits = Limits(settings, parts.database)
    addresses = ClientAddress(settings.trusted_proxies)
    origins = _origins(settings)

    def compiled(resolved: ResolvedOperation) -> CompiledOperation:
        return CompiledOperation(
            parts.operations[resolved.id],
            document,
            parts.dispatch,
            resolved.authenticate,
            limits,
            parts.streams,
            body_limit=settings.body_limit,
            timeout=settings.request_timeout,
        )

    metrics.watch(parts.database)
    return Edge(
        operations=map(compiled, resolved_operations(document, parts.flows, {"bearer": authentication})),
        page=Pages(settings, parts.ready),
        socket=WebSocketHandshake(parts.live, origins, addresses, limits, always(settings)),
        cors=Cors(origins, document),
        addresses=addresses,
        limits=limits,
        timeout=settings.request_timeout,
        always=always(settings),
    )


def build_probes(settings: Settings, database: Database, ready: Readiness) -> Edge:
    """Return the edge of a process that serves probes and metrics only."""
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
