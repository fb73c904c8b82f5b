"""I-10: with four times more callers than connections, no caller waits for a connection while holding one."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from uuid import uuid4

import httpx
import psycopg
import pytest
import samples
import versioned
from contract_operations import NAMED, OPERATIONS, example_body, parameters
from flows.jobs.samples import a_job
from given import PASSWORD, Account, Given, details, new_email
from processes import beside, once
from running import Service

from accord.contract.names import snake_case
from accord.contract.operations import Operation

pytestmark = once
CONNECTIONS = 3
CALLERS = 4 * CONNECTIONS
ONE_RECORD = {"updateSchedule"}
"""A schedule is of the contract, so that callers cannot have one each: all but one of them conflict."""
WRITES = [operation for operation in OPERATIONS if operation.method != "GET" and operation.id not in ONE_RECORD]
SOON = 4.0
"""Seconds; whoever gets no connection is refused after five."""
NOTICEABLE = 0.5
"""Seconds of a read that a machine busy with other tests may take without any deadlock of the pool."""
ROUNDS = 3
"""How often something may take long before that is not the machine's doing."""
ENDING_SESSIONS = {"login", "refresh", "logout", "logoutAll"}
STATES = {"retryJob": "dead"}
"""The state of the job that an operation changes, where it is not one that waits."""
REFUSED = {"setup"}
"""Cannot succeed twice; its refusals take the same way up to the transaction."""

Send = Callable[[], Awaitable[httpx.Response]]


@pytest.fixture(scope="module")
def small(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A process with few connections and no rate limits."""
    folder = tmp_path_factory.mktemp("few-connections")
    cheap = {"RATE_LIMIT_ENABLED": "false", "ARGON2_MEMORY_KIB": "4096"}
    small = beside(service, folder, DATABASE_POOL_SIZE=str(CONNECTIONS), **cheap)
    try:
        yield small.start()
    finally:
        small.stop()


@pytest.fixture
async def given(small: Service) -> AsyncIterator[Given]:
    """What a test starts from, in that process."""
    async with AsyncExitStack() as stack:
        yield Given(small, stack)


@pytest.fixture(scope="module")
def accounts(small: Service) -> list[Account]:
    """Two accounts for each caller, the second for operations that end sessions, and one for a bystander."""

    async def make() -> list[Account]:
        async with AsyncExitStack() as stack:
            given = Given(small, stack)
            return await asyncio.gather(*(given.an_account() for _ in range(2 * CALLERS + 1)))

    return asyncio.run(make())


async def again(given: Given, account: Account) -> Account:
    """Return the account with a client of this test's event loop."""
    return Account(await given.somebody(), given, account.user, account.tokens)


async def created(actor: Account, table: str) -> str:
    """Create a record that the actor owns, with what it belongs to; return its id."""
    create = versioned.resources()[table].create
    path = create.path
    for parent, resource in versioned.resources().items():
        if f"{{{resource.id_name}}}" in path:
            path = path.replace(f"{{{resource.id_name}}}", await created(actor, parent))
    response = await actor.http.post(path, json=example_body(create))
    assert response.status_code == 201, response.text
    return response.json()["id"]


async def body_of(operation: Operation, me: Account, other: str) -> dict | None:
    """Return the example of the contract, about the caller's own things."""
    if operation.body_schema is None:
        return None
    body = example_body(operation)
    own = {
        "email": me.email if operation.id == "login" else new_email(),
        "password": PASSWORD,
        "refreshToken": me.tokens["refreshToken"],
        "transactionId": str(uuid4()),
        "expectedVersion": 1,
        "userId": other,
    }
    body |= {name: value for name, value in own.items() if name in body}
    if "operations" in body:
        conversation = await created(me, "conversations")
        change = {"op": "set", "table": "conversations", "id": conversation, "path": "title", "value": "New"}
        body |= {"operations": [change], "expectedVersions": {"conversations": {conversation: 1}}}
    return body


async def prepared(operation: Operation, me: Account, actor: Account, other: str) -> Send:
    """Return what sends one request of this operation that no other caller's request conflicts with."""
    path = operation.path.replace("{userId}", me.id)
    for table, resource in versioned.resources().items():
        if f"{{{resource.id_name}}}" in path:
            path = path.replace(f"{{{resource.id_name}}}", await created(me, table))
    for name in (p.name for p in parameters(operation, "path")):
        if f"{{{name}}}" in path:
            by_hand = samples.sample_by_hand(snake_case(name))
            if by_hand is not None:
                path = path.replace(f"{{{name}}}", (await by_hand(me))["id"])
                continue
            state = STATES.get(operation.id, "scheduled")
            path = path.replace(f"{{{name}}}", await a_job(me.given, state, owner_id=me.id))
    query = {p.name: 1 for p in parameters(operation, "query") if p.required}
    headers = {p.name: str(uuid4()) for p in parameters(operation, "header") if p.name == "Idempotency-Key"}
    body = await body_of(operation, me, other)
    return lambda: actor.http.request(operation.method, path, params=query, headers=headers, json=body)


async def all_prepared(operation: Operation, given: Given, accounts: list[Account]) -> list[Send]:
    other = accounts[-1].id
    if operation.permission not in {None, "self"}:
        admin = await given.an_admin()
        targets = await asyncio.gather(*(admin.post("/api/v1/users", **details()) for _ in range(CALLERS)))
        people = [Account(await given.somebody(), given, target.json(), admin.tokens) for target in targets]
        return [await prepared(operation, one, admin, other) for one in people]
    ends_sessions = operation.id in ENDING_SESSIONS
    chosen = accounts[CALLERS:-1] if ends_sessions else accounts[:CALLERS]
    people = [await again(given, account) for account in chosen]
    if ends_sessions:
        people = await asyncio.gather(*(given.signed_in(one.email, http=one.http) for one in people))
    if operation.permission is None and not ends_sessions:
        for one in people:
            del one.http.headers["authorization"]
    return await asyncio.gather(*(prepared(operation, one, one, other) for one in people))


@pytest.mark.parametrize("operation", WRITES, **NAMED)
async def test_every_caller_is_served_and_a_bystander_meanwhile(operation, given, accounts):
    """Whoever waits for a connection in vain is refused, every time; that all take long may be the machine's doing."""
    bystander = await again(given, accounts[-1])
    for _ in range(ROUNDS):
        sends = await all_prepared(operation, given, accounts)

        async with reads_of(bystander) as reads:
            started = time.monotonic()
            responses = await asyncio.gather(*(send() for send in sends))
            took = time.monotonic() - started

        statuses = {response.status_code for response in responses}
        assert statuses == {401 if operation.id in REFUSED else operation.success_status}, [a.text for a in responses]
        if took < SOON and max(reads) < SOON / 2:
            return
    pytest.fail(f"{took} s, and {max(reads)} s for a read")


class reads_of:  # noqa: N801 - a context manager
    """Let somebody read their account again and again; gives the seconds that each read took."""

    def __init__(self, account: Account) -> None:
        self.account, self.seconds = account, list[float]()

    async def __aenter__(self) -> list[float]:
        await self._read()
        self.task = asyncio.create_task(self._run())
        return self.seconds

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])
        await self._read()

    async def _run(self) -> None:
        while True:
            await self._read()
            await asyncio.sleep(0.005)

    async def _read(self) -> None:
        started = time.monotonic()
        assert (await self.account.get("/api/v1/me")).status_code == 200
        self.seconds.append(time.monotonic() - started)


def p99(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.99)]


async def transactions_of(people: list[Account], seconds: float) -> int:
    """Let everybody change their own record, one transaction after the other; return how many there were."""
    conversations = [await created(me, "conversations") for me in people]
    done, over = 0, time.monotonic() + seconds

    async def change(me: Account, conversation: str) -> None:
        nonlocal done
        while time.monotonic() < over:
            operation = {"op": "set", "table": "conversations", "id": conversation, "path": "title", "value": "New"}
            response = await me.post("/api/v1/transactions", transactionId=str(uuid4()), operations=[operation])
            assert response.status_code == 200, response.text
            done += 1

    await asyncio.gather(*(change(*one) for one in zip(people, conversations, strict=True)))
    return done


async def test_throughput_stays_and_reads_stay_quick(given, accounts):
    people = [await again(given, account) for account in accounts[:CALLERS]]
    bystander = await again(given, accounts[-1])
    for _ in range(ROUNDS):
        async with reads_of(bystander) as idle:
            await asyncio.sleep(1)

        few = await transactions_of(people[:2], 1)
        async with reads_of(bystander) as beside_many:
            many = await transactions_of(people, 1)

        # With a deadlock of the pool there are a few in five seconds, each time.
        if many > few / 3 and p99(beside_many) < max(3 * p99(idle), NOTICEABLE):
            return
    pytest.fail(f"{many} after {few} transactions, and reads of {p99(beside_many)} after {p99(idle)} s")


async def waiting_for_locks(service: Service, count: int) -> None:
    statement = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"
    async with asyncio.timeout(30), await psycopg.AsyncConnection.connect(service.database_url) as connection:
        while (await (await connection.execute(statement)).fetchone() or (0,))[0] < count:
            await asyncio.sleep(0.02)


async def test_callers_waiting_for_a_record_leave_connections_to_readers(given, service, accounts):
    """The change of a record that another transaction holds waits with its connection; reads need another one."""
    me, bystander = await again(given, accounts[0]), await again(given, accounts[-1])
    before = (await me.get("/api/v1/me")).json()

    async with await psycopg.AsyncConnection.connect(service.database_url) as holder:
        await holder.execute("SELECT FROM accord.users WHERE id = %s FOR UPDATE", [me.id])
        body = {"expectedVersion": before["version"], "firstName": "Grace"}
        changes = [asyncio.create_task(me.patch("/api/v1/me", **body)) for _ in range(CALLERS)]
        await waiting_for_locks(service, CONNECTIONS - 1)

        # It ends before the changes do, which go on when it has ended.
        assert (await bystander.get("/api/v1/me")).status_code == 200
        assert not any(change.done() for change in changes)

        await holder.rollback()
        responses = await asyncio.gather(*changes)

    assert sorted(response.status_code for response in responses) == [200] + [409] * (CALLERS - 1)
