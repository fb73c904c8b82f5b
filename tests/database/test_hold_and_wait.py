"""I-10: while its transaction is open, a flow awaits nothing but its own statements, and needs no second connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from contract_operations import OPERATIONS
from sqlalchemy import text

from accord.context import ANONYMOUS, Context, RequestInfo, Resources
from accord.database.database import Database
from accord.database.idempotency import Idempotency
from accord.database.pagination import Cursors
from accord.database.statement import Statement
from accord.database.transaction import HeldTransaction
from accord.dispatch import LocalDispatch, watched
from accord.mail.mail import Mailer
from accord.security.passwords import Passwords
from accord.security.tokens import AccessTokens
from accord.settings import Settings

BACKEND = Statement(text("SELECT pg_backend_pid() AS id"))
NUMBER = Statement(text("SELECT 1 AS number"))
REGISTER = next(operation for operation in OPERATIONS if operation.id == "register")


@pytest.fixture
async def resources(given, tmp_path: Path) -> AsyncIterator[Resources]:
    """The parts of a process that has one connection."""
    settings = Settings(data_dir=tmp_path)
    database = Database(given.service.database_url, 1)
    await database.open()
    passwords, tokens = Passwords(settings), AccessTokens(settings)
    yield Resources(
        settings,
        database,
        passwords,
        tokens,
        Cursors(b"k"),
        Idempotency(database, b"k"),
        probes={},
        mailer=Mailer(settings),
    )
    passwords.close()
    await database.close()


@pytest.fixture
async def context(resources: Resources) -> AsyncIterator[Context]:
    context = Context(resources, "register", ANONYMOUS, RequestInfo("test"))
    yield context
    await context.rollback()


async def test_reads_go_through_the_transaction_once_it_has_begun(context):
    before = context.read
    mine = await context.tx.one(BACKEND)

    assert before is context.resources.database
    assert (await context.read.one(BACKEND)).id == mine.id
    await context.rollback()
    assert context.read is before


async def sleep(_: Context) -> None:
    await asyncio.sleep(0)


async def hash_a_password(context: Context) -> None:
    await context.resources.passwords.hash("some words nobody guesses 9")


async def take_a_second_connection(context: Context) -> None:
    await context.resources.database.one(NUMBER)


@pytest.mark.parametrize("wait", [sleep, hash_a_password, take_a_second_connection])
async def test_a_flow_that_waits_inside_its_open_transaction_fails(context, wait: Callable[[Context], Awaitable[None]]):
    async def flow(context: Context) -> None:
        await context.tx.one(NUMBER)
        await wait(context)

    with pytest.raises(HeldTransaction, match="Wait before it begins"):
        await watched(context, flow(context))


@pytest.mark.parametrize("key", [None, "a key"])
async def test_dispatch_fails_a_flow_that_waits_inside_its_open_transaction(resources, key):
    dispatch, request = LocalDispatch(resources, {"register": hold_and_wait}), with_key(key)

    result = await dispatch(REGISTER, ANONYMOUS, request, {})

    assert (result.status, result.error_code) == (500, "INTERNAL_ERROR")
    assert result.trace_events[-1] == "ERROR: HeldTransaction"


@pytest.mark.parametrize("key", [None, "a key"])
async def test_dispatch_in_production_does_not_watch_how_flows_wait(resources, key):
    in_production = replace(resources, settings=resources.settings.model_copy(update={"env": "production"}))
    dispatch, request = LocalDispatch(in_production, {"register": hold_and_wait}), with_key(key)

    result = await dispatch(REGISTER, ANONYMOUS, request, {})

    assert (result.success, result.data) == (True, {"number": 1})


async def test_a_cancelled_request_whose_connection_is_gone_stays_cancelled(given, resources):
    """Else the edge responds 503 to a missed deadline, and a worker logs an error of its own."""
    begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def flow(context: Context) -> None:
        begun.set_result((await context.tx.one(BACKEND)).id)
        await asyncio.sleep(60)

    # In production dispatch does not watch how flows wait.
    in_production = replace(resources, settings=resources.settings.model_copy(update={"env": "production"}))
    dispatch = LocalDispatch(in_production, {"register": flow})
    request = asyncio.ensure_future(dispatch(REGISTER, ANONYMOUS, with_key(None), {}))
    assert await given.sql("SELECT pg_terminate_backend(%s, 60000)", await begun) == [(True,)]

    request.cancel()

    with pytest.raises(asyncio.CancelledError):
        await request


async def hold_and_wait(context: Context) -> dict[str, int]:
    number = (await context.tx.one(NUMBER)).number
    await asyncio.sleep(0)
    return {"number": number}


def with_key(key: str | None) -> RequestInfo:
    """Return a request, with an idempotency key of its own where there is to be one."""
    return RequestInfo("test", idempotency_key=key and str(uuid4()))


@pytest.mark.parametrize("wait", [sleep, hash_a_password, take_a_second_connection])
async def test_a_flow_may_wait_before_its_transaction_begins(context, wait: Callable[[Context], Awaitable[None]]):
    async def flow(context: Context) -> int:
        await wait(context)
        await context.tx.one(NUMBER)
        return (await context.read.one(NUMBER)).number

    assert await watched(context, flow(context)) == 1


async def test_a_flow_cannot_reach_the_passwords_once_its_transaction_has_begun(context):
    assert context.passwords
    await context.tx.one(NUMBER)

    with pytest.raises(HeldTransaction):
        _ = context.passwords


async def test_slow_work_under_a_key_holds_no_connection(resources):
    hashing, go_on = asyncio.Event(), asyncio.Event()

    async def flow(context: Context) -> dict[str, int]:
        hashing.set()
        await go_on.wait()
        return {"number": (await context.tx.one(NUMBER)).number}

    dispatch = LocalDispatch(resources, {"register": flow})
    request = RequestInfo("test", idempotency_key=str(uuid4()))
    running = asyncio.create_task(dispatch(REGISTER, ANONYMOUS, request, {}))
    await hashing.wait()
    assert (await resources.database.one(NUMBER)).number == 1
    again = await dispatch(REGISTER, ANONYMOUS, request, {})
    go_on.set()

    assert again.error_code == "IDEMPOTENCY_IN_PROGRESS"
    assert (await running).data == {"number": 1}
    assert (await dispatch(REGISTER, ANONYMOUS, request, {})).data == {"number": 1}


async def test_a_key_used_by_another_process_meanwhile_replays_its_response(resources):
    """The slow work is done twice, and the change is made once."""
    request = RequestInfo("test", idempotency_key=str(uuid4()))
    tries: list[str] = []

    def process(name: str, meanwhile: Callable[[], Awaitable[object]]) -> LocalDispatch:
        async def flow(context: Context) -> str:
            await meanwhile()
            await context.tx.one(NUMBER)
            tries.append(name)
            return name

        own = Idempotency(resources.database, b"k")
        parts = Resources(
            resources.settings,
            resources.database,
            resources.passwords,
            resources.tokens,
            resources.cursors,
            own,
            probes={},
            mailer=resources.mailer,
        )
        return LocalDispatch(parts, {"register": flow})

    async def nothing() -> None:
        return

    second = process("second", nothing)
    first = process("first", lambda: second(REGISTER, ANONYMOUS, request, {}))

    assert (await first(REGISTER, ANONYMOUS, request, {})).data == "second"
    assert tries == ["second"]
