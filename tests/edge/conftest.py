"""Two more servers on the data of the shared service, with settings that it does not have."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import psutil
import pytest
from checked_client import client
from running import Program, Service

LISTED_ORIGIN = "https://app.example.org"
METRICS_TOKEN = "5f1d0c7b8a964e2e9b3c6d7f80a1b2c3"
REQUEST_TIMEOUT = 1


@dataclass
class Server:
    """A server of its own."""

    program: Program
    url: str
    timeout: int = 30
    """Seconds after which it cancels a request."""

    @property
    def memory(self) -> int:
        """The bytes of the process that are resident."""
        return psutil.Process(self.program.process.pid).memory_info().rss


@pytest.fixture(scope="session")
def start_production(service: Service):
    """Start a server as in production; it counts with the shared service, and can be started again."""
    settings = {
        **service.production,
        "CORS_ORIGINS": f"{LISTED_ORIGIN}, http://localhost:5173",
        "METRICS_TOKEN": METRICS_TOKEN,
    }

    def start(name: str) -> Server:
        program = service.run_beside(name, "serve", "--port", "0", **settings)
        return Server(program, program.wait_for(r"listens on (\S+)"))

    return start


@pytest.fixture(scope="session")
def production(start_production) -> Iterator[Server]:
    server = start_production("edge-production")
    yield server
    assert server.program.stop() == 0, server.program.output()


@pytest.fixture(scope="session")
def impatient(service: Service) -> Iterator[Server]:
    """A server that cancels requests after a second, and trusts no proxy."""
    role = "gateway" if service.transport == "nats" else "serve"
    program = service.run_beside(
        "edge-impatient", role, "--port", "0", REQUEST_TIMEOUT=str(REQUEST_TIMEOUT), TRUSTED_PROXIES="203.0.113.7"
    )
    yield Server(program, program.wait_for(r"listens on (\S+)"), REQUEST_TIMEOUT)
    assert program.stop() == 0, program.output()


@pytest.fixture(scope="session")
def development(service: Service) -> Iterator[Server]:
    """A server as somebody starts it who tries the service out."""
    program = service.run_beside("edge-development", "serve", "--port", "0", ENV="development", FLOW_TRANSPORT="local")
    yield Server(program, program.wait_for(r"listens on (\S+)"))
    assert program.stop() == 0, program.output()


@pytest.fixture
async def somebody(given) -> httpx.AsyncClient:
    """Return a client of the shared service, not signed in."""
    return await given.somebody()


@pytest.fixture
async def in_production(production) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the server that runs as in production."""
    async with client(production.url) as http:
        yield http
