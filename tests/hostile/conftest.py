"""Attacks on a server without rate limits: whatever is sent, it answers in words, and its log tells of no fault."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlencode

import pytest
from contract_operations import example_query, path_of
from given import Given
from raw_http import RawAnswer, exchanged, request
from running import Program, Service

from accord.contract.operations import Operation

Attack = Callable[..., Awaitable[RawAnswer]]


@pytest.fixture(scope="session")
def unlimited(service: Service) -> Iterator[Program]:
    """Another server of the shared service, that counts nobody's requests."""
    role = "gateway" if service.transport == "nats" else "serve"
    program = service.run("unlimited", role, "--port", "0", RATE_LIMIT_ENABLED="false")
    program.wait_for(r"(listens on \S+)")
    yield program
    assert program.stop() == 0, program.output()


@pytest.fixture(scope="module", autouse=True)
def no_faults(service: Service, unlimited: Program) -> Iterator[dict[Path, int]]:
    """Fail when anything in the module made a process log a fault, or a line that is no JSON object."""
    known = {program.log: len(program.output()) for program in (*service.programs, unlimited)}
    yield known
    for log, length in known.items():
        for line in log.read_text("utf-8", "replace")[length:].splitlines():
            record = json.loads(line)
            assert record["level"] != "error", line
            assert record.get("status", 0) < 500, line


@pytest.fixture
def faults_are_expected(no_faults: dict[Path, int]) -> Iterator[None]:
    """Let one test be, that makes a fault itself."""
    yield
    for log in no_faults:
        no_faults[log] = len(log.read_text("utf-8", "replace"))


@pytest.fixture(scope="session")
def url(unlimited: Program) -> str:
    """Where that server is."""
    return unlimited.wait_for(r"listens on (\S+)")


@pytest.fixture(scope="session")
async def root(service: Service) -> AsyncIterator[tuple[str, str]]:
    """The id and an access token of the root account: whatever is refused was not refused for want of permission."""
    async with AsyncExitStack() as stack:
        account = await Given(service, stack).root()
        yield account.id, account.tokens["accessToken"]


@pytest.fixture
async def attack(url: str, root: tuple[str, str]) -> AsyncIterator[Attack]:
    """Return a function that calls an operation in a way that no client would, from a new address each time."""
    user_id, token = root

    async def call(
        operation: Operation,
        headers: list[tuple[str, str | bytes]] | None = None,
        body: bytes | None = None,
        *,
        query: str | None = None,
        path: str | None = None,
    ) -> RawAnswer:
        target = path or path_of(operation, userId=user_id)
        query = urlencode(example_query(operation)) if query is None else query
        signed = [("Authorization", f"Bearer {token}")] if operation.access == "signed-in" else []
        sent = request(operation.method, f"{target}?{query}" if query else target, [*signed, *(headers or [])], body)
        return await exchanged(url, sent)

    yield call
    alive = await exchanged(url, request("GET", "/livez"))
    assert alive.status == 200
