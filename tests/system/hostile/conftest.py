"""Attacks on a server without rate limits: whatever is sent, it answers in words, and its log tells of no fault."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from contract_operations import example_query, path_of
from given import Given
from raw_http import RawResponse, exchanged, request
from running import Program, Service

from accord.contract.operations import Operation

Attack = Callable[..., Awaitable[RawResponse]]


@pytest.fixture(scope="session")
def unlimited(service: Service) -> Iterator[Program]:
    """Another server of the shared service, that counts nobody's requests."""
    role = "gateway" if service.transport == "nats" else "serve"
    program = service.run_beside("unlimited", role, "--port", "0", RATE_LIMIT_ENABLED="false")
    program.wait_for(r"(listens on \S+)")
    yield program
    assert program.stop() == 0, program.output()


@dataclass
class Since:
    """When what is looked at began: lines are written a moment after what they tell of."""

    moment: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


@pytest.fixture(scope="module", autouse=True)
def no_faults(service: Service, unlimited: Program) -> Iterator[Since]:
    """Fail when anything in the module made a process log a fault, or a line that is no JSON object."""
    programs = {program.log: program for program in (*service.programs, unlimited)}.values()
    known = [(program, program.output().rfind("\n") + 1) for program in programs]
    since = Since()
    yield since
    for program, length in known:
        for line in program.output()[length:].rpartition("\n")[0].splitlines():
            record = json.loads(line)
            if record["time"] >= since.moment:
                assert record["level"] != "error", line
                assert record.get("status", 0) < 500, line


@pytest.fixture
def faults_are_expected(no_faults: Since) -> Iterator[None]:
    """Let one test be, that makes a fault itself, and waits until that is logged."""
    yield
    no_faults.moment = Since().moment


@pytest.fixture(scope="session")
def url(unlimited: Program) -> str:
    """Where that server is."""
    return unlimited.wait_for(r"listens on (\S+)")


@pytest.fixture(scope="module")
async def root(service: Service) -> AsyncIterator[tuple[str, str]]:
    """The id and an access token of the root account: whatever is refused was not refused for want of permission.

    For one module: a token has its time, and ten other sign-ins of the account would end its session.
    """
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
    ) -> RawResponse:
        target = path or path_of(operation, userId=user_id)
        query = urlencode(example_query(operation)) if query is None else query
        signed = [("Authorization", f"Bearer {token}")] if operation.access == "signed-in" else []
        sent = request(operation.method, f"{target}?{query}" if query else target, [*signed, *(headers or [])], body)
        return await exchanged(url, sent)

    yield call
    alive = await exchanged(url, request("GET", "/livez"))
    assert alive.status == 200
