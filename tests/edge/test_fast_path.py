"""The fast path is an optimisation: without it, every response is the same."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from raw_http import RawResponse, connected, request
from running import Service

ECHO_PATH, ECHO = "/api/v1/meta/echo", b'{"message": "x"}'
LOGIN = b'{"email": "fast-path@example.com", "password": "of no account"}'
JSON, CLOSE = ("Content-Type", "application/json"), ("Connection", "close")
CHUNKED = ("Transfer-Encoding", "chunked")
VARYING = {"date", "x-request-id", "x-trace-id"}
REQUESTS = {
    "an operation": request("GET", "/api/v1/meta/version"),
    "an operation, for its head": request("HEAD", "/api/v1/meta/version"),
    "an operation with a body": request("POST", ECHO_PATH, [JSON], ECHO),
    "an operation whose body comes in chunks": request("POST", ECHO_PATH, [JSON, CHUNKED])
    + b"%x\r\n%b\r\n0\r\n\r\n" % (len(ECHO), ECHO),
    "an operation that waits": request("POST", "/api/v1/auth/login", [JSON], LOGIN),
    "an operation that is refused": request("GET", "/api/v1/me"),
    "an invalid body": request("POST", ECHO_PATH, [JSON], b'{"message": 1}'),
    "the last request of a connection": request("GET", "/api/v1/meta/version", [CLOSE]),
    "a body after its refusal, on a last connection": request("PUT", "/api/v1/meta/version", [CLOSE], b"x" * 100_000),
    "HTTP/1.0": request("GET", "/api/v1/meta/version").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "HTTP/1.0, for its head": request("HEAD", "/livez").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a page": request("GET", "/livez"),
    "a page, compressed": request("GET", "/openapi.json", [("Accept-Encoding", "gzip")]),
    "a preflight": request("OPTIONS", ECHO_PATH),
    "a path without a page": request("GET", "/nowhere"),
    "a method that the path has not": request("PUT", "/api/v1/meta/version", [JSON], ECHO),
    "an upgrade that is not ours": request("GET", "/livez", [("Connection", "upgrade"), ("Upgrade", "h2c")]),
    "an expectation": request("POST", ECHO_PATH, [JSON, ("Expect", "200-ok")], ECHO),
    "a head without a host": b"GET /livez HTTP/1.1\r\n\r\n",
    "a head that is too long": request("GET", "/livez", [("X-Long", "x" * 40_000)]),
    "no HTTP": b"nothing that is HTTP\r\n\r\n",
}


@pytest.fixture(scope="module")
def two_servers(service: Service) -> Iterator[tuple[str, str]]:
    """A server with the fast path, and one without it."""
    role = "gateway" if service.transport == "nats" else "serve"
    programs = []
    for is_on in ("true", "false"):
        settings = {"HTTP_FAST_PATH": is_on, "RATE_LIMIT_ENABLED": "false"}
        programs.append(service.run_beside(f"fast-path-{is_on}", role, "--port", "0", **settings))
    with_it, without_it = (program.wait_for(r"listens on (\S+)") for program in programs)
    yield with_it, without_it
    for program in programs:
        program.stop()


@pytest.mark.parametrize("sent", REQUESTS.values(), ids=REQUESTS)
async def test_the_fast_path_changes_no_response(two_servers, until: Callable, sent: bytes):
    async def both() -> list[tuple]:
        return [await exchange(url, sent) for url in two_servers]

    # A server that has just started may not have found its workers yet.
    with_it, without_it = await until(both, lambda seen: all(one[0] != 503 for one in seen))

    assert with_it == without_it


async def exchange(url: str, sent: bytes) -> tuple:
    """Return the status, the headers that do not vary, the size of the body, and whether the connection goes on."""
    async with connected(url) as connection:
        await connection.send(sent)
        response = await connection.response(to_head=sent.startswith(b"HEAD"))
        goes_on = await has_response(connection)
        return response.status, headers_of(response), code_of(response), goes_on


async def has_response(connection) -> bool:
    """Say whether another request gets a response."""
    try:
        await connection.send(request("GET", "/livez"))
        return (await connection.response()).status == 200
    except (asyncio.IncompleteReadError, ConnectionError):
        return False


def headers_of(response: RawResponse) -> dict[str, str]:
    problems = {"content-length"} if b'"requestId"' in response.body else set()
    return {name: value for name, value in response.headers.items() if name not in VARYING | problems}


def code_of(response: RawResponse) -> str | bytes:
    """Return the body; of a problem, which has an id of its own, just its code."""
    return response.code if b'"requestId"' in response.body else response.body
