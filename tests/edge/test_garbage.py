"""What a connection holds ends with its requests, and with itself.

It leaves no ring of objects: those stay until the garbage collector runs, which stops everybody for it.
"""

import gc
import operator
import os
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from raw_http import HANDSHAKE, connected, request
from running import ENVIRONMENT, Service
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from accord.boot.processes import serve
from accord.boot.serving import http_server
from accord.edge.pipeline.request import Request
from accord.edge.server.http_protocol import HttpProtocol
from accord.settings import load

OURS = ("accord.", "uvicorn.")
ECHO_PATH = "/api/v1/meta/echo"
ECHO = b'{"message": "x"}'
JSON, LENGTH = ("Content-Type", "application/json"), ("Content-Length", str(len(ECHO)))
LOGIN, LOGIN_LEFT = (
    b'{"email": "garbage-%d@example.com", "password": "of nobody at all"}' % number for number in (1, 2)
)
SECRET = ("Authorization", "Bearer nobody-keeps-this")


class Exchange(NamedTuple):
    """What a client sends, piece by piece; whether it waits for the response, or leaves before."""

    pieces: tuple[bytes, ...]
    has_response: bool = True


EXCHANGES = {
    "a page": Exchange((request("GET", "/livez"),)),
    "a page, for its head": Exchange((request("HEAD", "/openapi.json"),)),
    "a page that is refused": Exchange((request("POST", "/livez", body=b"x"),)),
    "an operation that its path has not": Exchange((request("PUT", "/api/v1/me", [JSON], ECHO),)),
    "a path that nobody has": Exchange((request("GET", "/nowhere"),)),
    "an operation": Exchange((request("GET", "/api/v1/meta/version"),)),
    "an operation that waits": Exchange((request("POST", "/api/v1/auth/login", [JSON], LOGIN),)),
    "an operation that is refused": Exchange((request("GET", "/api/v1/me"),)),
    "a body in pieces": Exchange((request("POST", ECHO_PATH, [JSON, LENGTH]), ECHO[:5], ECHO[5:])),
    "a body in pieces that is refused": Exchange((request("POST", "/api/v1/conversations", [JSON, LENGTH]), ECHO)),
    "several requests": Exchange((request("GET", "/livez") + request("GET", "/api/v1/meta/version"),)),
    "a socket behind a page": Exchange((request("GET", "/livez"), HANDSHAKE)),
    "no HTTP": Exchange((b"nothing that anybody knows\r\n\r\n",)),
    "a head that breaks off": Exchange((request("GET", "/livez")[:-2],), has_response=False),
    "a body that breaks off": Exchange((request("POST", ECHO_PATH, [JSON, LENGTH]), ECHO[:5]), has_response=False),
    "a client that leaves": Exchange((request("POST", "/api/v1/auth/login", [JSON], LOGIN_LEFT),), has_response=False),
    "a client that leaves a page": Exchange((request("GET", "/readyz"),), has_response=False),
}
CASES = {
    f"{name} in HTTP/{version}": (exchange, version.encode())
    for name, exchange in EXCHANGES.items()
    for version in ("1.0", "1.1")
    # In HTTP/1.0 the response ends the connection: nothing can come behind a page.
    if (name, version) != ("a socket behind a page", "1.0")
}


@pytest.fixture(scope="module")
async def here(service: Service) -> AsyncIterator[SimpleNamespace]:
    """A server in this process, on the data of the shared one."""
    environment = {"DATABASE_URL": service.database_url, "NATS_URL": service.nats_url, "FLOW_TRANSPORT": "local"}
    environment["HTTP_FAST_PATH"] = os.environ.get("HTTP_FAST_PATH", "true")
    settings = load({**ENVIRONMENT, **service.environment, **service.production, "ENV": "test", **environment})
    async with serve(settings) as process:
        with warnings.catch_warnings(action="ignore"):  # Connexion imports a client for tests, which warns.
            http, _ = http_server(process)
        http.config.load()
        http.lifespan = http.config.lifespan_class(http.config)
        http.config.port = 0
        await http.startup()
        url = f"http://127.0.0.1:{http.servers[0].sockets[0].getsockname()[1]}"
        with pytest.MonkeyPatch.context() as patch:
            yield SimpleNamespace(url=url, state=http.server_state, received=counted(patch))
        await http.shutdown()


def counted(patch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Return what tells how many bytes the server has read from its connections."""
    total, receive = 0, HttpProtocol.data_received

    def data_received(self: HttpProtocol, data: bytes) -> None:
        nonlocal total
        receive(self, data)
        total += len(data)

    patch.setattr(HttpProtocol, "data_received", data_received)
    return lambda: total


@pytest.mark.parametrize(("exchange", "version"), CASES.values(), ids=CASES)
async def test_an_exchange_leaves_no_ring(here, until, exchange, version):
    await carry_out(here, until, exchange, version)

    with uncollected() as left:
        await carry_out(here, until, exchange, version)

    assert not left()


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_stream_leaves_no_ring(here, until, given, version):
    me = await given.an_account()
    path = f"/api/v1/changes/stream?keys=getRecord:users:{me.id}"
    stream = Exchange((request("GET", path, [("Authorization", me.http.headers["Authorization"])]),))
    await carry_out(here, until, stream, version)

    with uncollected() as left:
        await carry_out(here, until, stream, version)

    assert not left()


RESTING = {
    "a page": (request("GET", "/livez", [SECRET]),),
    "an operation": (request("GET", "/api/v1/meta/version", [SECRET]),),
    "an operation that waits": (request("POST", "/api/v1/auth/login", [JSON, SECRET], LOGIN),),
    "a body in pieces": (request("POST", ECHO_PATH, [JSON, LENGTH, SECRET]), ECHO[:5], ECHO[5:]),
    "an operation behind a page": (request("GET", "/livez", [SECRET]) + request("GET", "/api/v1/meta/version"),),
    "a page behind an operation": (request("GET", "/api/v1/meta/version", [SECRET]) + request("GET", "/livez"),),
}


@pytest.mark.parametrize("pieces", RESTING.values(), ids=RESTING)
async def test_a_connection_that_rests_holds_no_token(here, until, pieces):
    async def received() -> int:
        return here.received()

    async with connected(here.url) as connection:
        for piece in pieces:
            sent = here.received() + len(piece)
            await connection.send(piece)
            await until(received, partial(operator.eq, sent))
        for _ in range(b"".join(pieces).count(b"HTTP/1.1")):
            await connection.response()
        (protocol,) = here.state.connections

        assert not any(SECRET[1].encode() in value for value in values_held_by(protocol))


def values_held_by(protocol: HttpProtocol) -> Iterator[bytes]:
    """Give all bytes in the attributes of a connection, of its last exchange, and in what these contain."""
    left, seen = [vars(protocol)], set[int]()
    while left:
        one = left.pop()
        if isinstance(one, bytes | bytearray):
            yield bytes(one)
        elif isinstance(one, dict | list | tuple | RequestResponseCycle | Request) and id(one) not in seen:
            seen.add(id(one))
            left += gc.get_referents(one)


@contextmanager
def uncollected() -> Iterator[Callable[[], Counter[str]]]:
    """Keep the garbage collector from running; `left()` runs it, and returns what of the edge it found."""

    def left() -> Counter[str]:
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        gc.set_debug(0)
        names = Counter(f"{type(found).__module__}.{type(found).__qualname__}" for found in gc.garbage)
        gc.garbage.clear()
        return Counter({name: number for name, number in names.items() if name.startswith(OURS)})

    gc.collect()
    gc.disable()
    try:
        yield left
    finally:
        gc.enable()


async def carry_out(here: SimpleNamespace, until: Callable[..., Awaitable[Any]], exchange: Exchange, version: bytes):
    """Have the exchange on a connection of its own, and wait until the server has forgotten it."""
    connections, tasks = here.state.connections, here.state.tasks

    async def received() -> int:
        return here.received()

    async def held() -> int:
        return len(connections) + len(tasks)

    async with connected(here.url) as connection:
        for piece in exchange.pieces:
            sent = here.received() + len(piece)
            await connection.send(piece.replace(b"HTTP/1.1", b"HTTP/" + version))
            # Else the server may read two pieces as one, or see a client leave that it never saw come.
            await until(received, partial(operator.eq, sent))
        if exchange.has_response:
            assert await connection.has(b"\r\n\r\n")
    await until(held, partial(operator.eq, 0))
