"""What ends a transaction that waits, and what does not: only the service's own word about it does."""

import asyncio
from uuid import UUID

import httpx
import pytest
from accord_client import AsyncAccord, Lost, MemoryTokens, Refused, Resync, SignedOut, Tokens, ValidationFailed
from accord_client.models import CreateOperation, ListInsertOperation, RecordPointer, SetOperation

from .cache_model import TABLE, Loop, Service
from .test_python_cache_model import DAY, INSTEAD, RECORDS, TRUSTED, Person, problem


@pytest.fixture
def loop():
    made = Loop()
    yield made
    for task in asyncio.all_tasks(made):
        task.cancel()
    made.settle()
    made.close()


@pytest.fixture
def service(loop):
    made = Service(loop)
    for record_id in RECORDS:
        made.records[str(record_id)] = {"version": 1, "title": "first", "tags": [], "archivedAt": None}
    return made


@pytest.fixture
def ada(loop, service):
    person = Person("ada", service)
    loop.run_until_complete(calmly(service, person.cache.load([RecordPointer(table=TABLE, id=key) for key in RECORDS])))
    return person


async def calmly(service, work):
    service.is_calm = True
    try:
        return await work
    finally:
        service.is_calm = False


def title(value, record_id=RECORDS[0]):
    return SetOperation(table=TABLE, id=record_id, path="title", value=value)


@pytest.mark.parametrize("instead", INSTEAD)
def test_an_error_that_is_not_from_the_service_keeps_the_transaction(loop, service, ada, instead):
    ada.begin(ada.cache.transact([title("better")]))
    service.requests.pop().future.set_result(INSTEAD[instead]())
    loop.settle()

    assert [promise.result() for promise in ada.promises] == ["queued"]
    assert (ada.cache.pending, ada.cache.get(TABLE, RECORDS[0])["title"]) == (1, "better")
    service.is_calm = True
    loop.wait(60)
    assert (ada.cache.pending, service.records[str(RECORDS[0])]["title"]) == (0, "better")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "VALIDATION_ERROR"),
        (403, "FORBIDDEN"),
        (404, "NOT_FOUND"),
        (409, "VERSION_CONFLICT"),
        (413, "PAYLOAD_TOO_LARGE"),
        (422, "BUSINESS_RULE_VIOLATION"),
        (422, "A_CODE_OF_TOMORROW"),
    ],
)
def test_the_word_of_the_service_is_final(loop, service, ada, status, code):
    ada.begin(ada.cache.transact([title("better")]))
    service.requests.pop().future.set_result(problem(status, code))
    loop.settle()

    assert [promise.exception().code for promise in ada.promises] == [code]
    assert (ada.cache.pending, ada.cache.get(TABLE, RECORDS[0])["title"]) == (0, "first")


def test_an_error_of_a_read_does_not_refuse_the_transaction_that_waits_for_it(loop, service, ada):
    ada.cache._held.doubt_all()
    ada.begin(ada.cache.transact([title("better")]))
    loop.settle()
    request = service.requests.pop()
    request.future.set_result(problem(403, "FORBIDDEN"))
    loop.settle()

    assert (request.path, ada.cache.pending) == ("records/query", 1)
    service.is_calm = True
    loop.wait(60)
    assert (ada.cache.pending, service.records[str(RECORDS[0])]["title"]) == (0, "better")


def test_the_pause_is_as_long_as_the_service_asks_for(loop, service, ada):
    ada.begin(ada.cache.transact([title("better")]))
    service.requests.pop().future.set_result(problem(503, "SERVICE_UNAVAILABLE", retryAfter=25))
    service.is_calm = True

    loop.wait(24.9)
    assert ada.cache.pending == 1
    loop.wait(2)
    assert ada.cache.pending == 0


def test_a_live_change_that_precedes_its_response_is_counted_once(loop, service, ada):
    ada.begin(ada.cache.transact([title("one")]))
    [request] = service.requests
    service.do(request)
    loop.run_until_complete(calmly(service, ada.cache.load([RecordPointer(table=TABLE, id=RECORDS[0])])))

    assert ada.cache.get(TABLE, RECORDS[0]).version == 2
    ada.begin(ada.cache.transact([title("two")]))
    service.is_calm = True
    request.future.set_result(httpx.Response(200, json=request.response[1]))
    loop.settle()

    assert [promise.result() for promise in ada.promises] == ["made", "made"]
    assert service.records[str(RECORDS[0])]["title"] == "two"
    assert service.records[str(RECORDS[0])]["version"] == ada.cache.get(TABLE, RECORDS[0]).version == 3


def test_a_concurrent_change_is_not_overwritten_by_the_next_edit(loop, service, ada):
    ada.begin(ada.cache.transact([title("one")]))
    [request] = service.requests
    service.do(request)
    service.elsewhere(str(RECORDS[0]), title="of somebody else")
    loop.run_until_complete(calmly(service, ada.cache.load([RecordPointer(table=TABLE, id=RECORDS[0])])))
    ada.begin(ada.cache.transact([title("two")]))
    service.is_calm = True
    request.future.set_result(httpx.Response(200, json=request.response[1]))
    loop.settle()

    made, refused = ada.promises
    assert made.result() == "made"
    assert refused.exception().code == "VERSION_CONFLICT"
    assert service.records[str(RECORDS[0])]["title"] == ada.cache.get(TABLE, RECORDS[0])["title"] == "of somebody else"


def test_the_queue_of_one_account_is_never_sent_as_another(loop, service, ada):
    told = []
    ada.cache.listen(lambda event: told.append(event) if isinstance(event, Refused) else None)
    service.good_tokens.clear()
    ada.begin(ada.cache.transact([title("hers")]))
    ada.sign_in("bob")
    service.is_calm = True
    loop.wait(100)

    assert (ada.cache.pending, service.applied, told) == (1, [], [])
    with pytest.raises(SignedOut):
        loop.run_until_complete(ada.cache.transact([title("his")]))
    ada.sign_in("ada")
    loop.wait(100)
    assert (ada.cache.pending, service.records[str(RECORDS[0])]["title"]) == (0, "hers")


def test_changes_to_a_record_that_was_not_created_are_refused_with_it(loop, service, ada):
    new = UUID(int=77)
    create = CreateOperation(table=TABLE, id=new, record={"title": ""})
    tag = ListInsertOperation(table=TABLE, id=new, path="tags", value="a", where="end")
    ada.begin(ada.cache.transact([create]))
    ada.begin(ada.cache.transact([tag]))
    service.is_calm = True
    [request] = service.requests
    service.do(request)
    request.future.set_result(problem(request.response[0], request.response[1]["code"]))
    loop.settle()

    assert [type(promise.exception()) for promise in ada.promises] == [ValidationFailed, ValidationFailed]
    assert (ada.cache.pending, service.applied) == (0, [])


def test_closing_the_cache_settles_every_promise(loop, ada):
    ada.begin(ada.cache.transact([title("one")]))
    ada.begin(ada.cache.transact([title("two")]))

    loop.run_until_complete(ada.cache.close())
    loop.settle()

    assert [promise.exception().code for promise in ada.promises] == ["CONNECTION_FAILED"] * 2


async def test_a_token_that_tells_no_account_is_taken_as_it_is():
    async def serve(_request):
        return httpx.Response(503)

    tokens = MemoryTokens()
    tokens.save(Tokens("opaque", "opaque", 1e12, DAY))
    async with AsyncAccord(
        "http://accord", tokens=tokens, retries=0, transport=httpx.MockTransport(serve), ssl_context=TRUSTED
    ) as accord:
        assert await accord.cache().transact([title("one")]) == "queued"


LIST = "getList:01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f:conversations"


@pytest.fixture
def follower(loop, service, ada):
    async def stay():
        async with ada.cache.follow_list(LIST):
            await asyncio.Event().wait()

    service.is_calm = True
    task = loop.create_task(stay())
    loop.settle()
    return task


@pytest.mark.usefixtures("follower")
def test_each_record_of_a_list_is_read_alone_when_it_changes_or_comes(loop, service, ada):
    asked = []
    service.asks = asked.append
    service.elsewhere(str(RECORDS[0]), title="changed")
    service.add(str(UUID(int=9)), title="new")
    loop.settle()

    assert [ada.cache.get(TABLE, key)["title"] for key in (RECORDS[0], UUID(int=9))] == ["changed", "new"]
    assert [[pointer["id"] for pointer in body["pointers"]] for body in asked] == [
        [str(RECORDS[0])],
        [str(UUID(int=9))],
    ]
    service.elsewhere(str(RECORDS[0]))
    loop.settle()
    assert ada.cache.get(TABLE, RECORDS[0]) is None


@pytest.mark.usefixtures("follower")
def test_after_a_restored_backup_every_version_is_dropped_and_read_again(loop, service, ada):
    told = []
    ada.cache.listen(told.append)
    backup = service.backup()
    for number in range(3):
        service.elsewhere(str(RECORDS[0]), title=f"never was {number}")
    loop.settle()
    assert ada.cache.get(TABLE, RECORDS[0]).version == 4

    service.restore(backup)
    loop.wait(60)

    assert [ada.cache.get(TABLE, key).to_dict()["title"] for key in RECORDS] == ["first", "first"]
    assert ada.cache.get(TABLE, RECORDS[0]).version == 1
    assert [event.key for event in told if isinstance(event, Resync)] == [LIST]


@pytest.mark.usefixtures("follower")
def test_a_change_of_a_version_that_never_was_is_refused(loop, service, ada):
    backup = service.backup()
    service.elsewhere(str(RECORDS[0]), title="never was")
    loop.settle()
    service.good_tokens.clear()
    ada.begin(ada.cache.transact([title("built on it")]))
    service.restore(backup)
    ada.sign_in("ada")
    loop.wait(100)
    service.elsewhere(str(RECORDS[0]), title="another second version")
    loop.wait(100)

    assert (ada.cache.pending, service.applied) == (0, [])
    assert service.records[str(RECORDS[0])]["title"] == "another second version"


def test_an_error_that_names_a_key_ends_its_followers(loop, ada, follower):
    told = []
    ada.cache.listen(told.append)
    ada.socket.say({"type": "error", "code": "NOT_FOUND", "message": "No.", "key": LIST})
    loop.settle()

    assert [event.key for event in told if isinstance(event, Lost)] == [LIST]
    assert not follower.done()


def test_a_flush_that_waits_ends_when_the_cache_is_closed(loop, ada):
    ada.begin(ada.cache.transact([title("better")]))
    flushing = loop.create_task(ada.cache.flush())
    loop.settle()

    loop.run_until_complete(ada.cache.close())
    loop.settle()

    assert flushing.done()
    assert flushing.result() is False


@pytest.mark.usefixtures("follower")
def test_a_connection_on_which_nothing_comes_any_more_is_replaced(loop, service, ada):
    silent = ada.socket
    service.is_calm = False
    loop.wait(25 + 14)
    assert silent.is_open

    service.is_calm = True
    loop.wait(2)

    assert (silent.is_open, ada.socket.keys) == (False, {LIST})


def test_a_store_that_fails_for_a_while_keeps_no_follower_from_going_on(loop, service, ada):
    load, told, reported = ada.tokens.load, [], []
    ada.cache.listen(told.append)
    loop.set_exception_handler(lambda _loop, context: reported.append(context["exception"]))
    service.is_calm = True

    async def stay():
        async with ada.cache.follow(TABLE, RECORDS[0]):
            await asyncio.Event().wait()

    following = loop.create_task(stay())
    loop.settle()
    ada.tokens.load = lambda: 1 / 0
    service.elsewhere(str(RECORDS[0]), title="while it failed")
    ada.socket.cut()
    loop.wait(5)
    ada.tokens.load = load
    loop.wait(60)

    assert ada.cache.get(TABLE, RECORDS[0])["title"] == "while it failed"
    assert [event for event in told if isinstance(event, Lost)] == []
    assert ZeroDivisionError in {type(error) for error in reported}
    assert not following.done()


@pytest.mark.usefixtures("follower")
def test_frames_that_arrive_before_a_response_keep_the_connection(loop, service, ada):
    socket = ada.socket
    service.is_calm = False
    following = loop.create_task(stay_with(ada.cache.follow(TABLE, RECORDS[0])))
    loop.settle()
    for number in range(4):
        service.elsewhere(str(RECORDS[1]), title=f"change {number}")
    socket.waiting.append(socket.waiting.pop(0))

    for _ in range(4):
        loop.wait(14)
        socket.let_through(1)
        loop.settle()
    assert (socket.is_open, [frame["type"] for frame in socket.waiting]) == (True, ["subscribed", "pong", "pong"])
    loop.wait(16)

    assert not socket.is_open
    assert not following.done()


async def stay_with(following):
    async with following:
        await asyncio.Event().wait()


@pytest.mark.parametrize("lacking", ["serverTime", "heartbeatSeconds"])
def test_a_welcome_that_lacks_a_field_is_reported_and_the_next_connection_serves(loop, service, ada, lacking):
    reported = []
    loop.set_exception_handler(lambda _loop, context: reported.append(context["exception"]))
    first = loop.create_task(stay_with(ada.accord.live.follow(LIST)))
    loop.settle()
    broken = ada.socket
    del broken.waiting[0][lacking]
    broken.let_through()
    loop.settle()
    second = loop.create_task(stay_with(ada.accord.live.follow(f"getRecord:{TABLE}:{RECORDS[0]}")))
    loop.settle()
    broken.let_through()
    loop.settle()

    service.is_calm = True
    loop.wait(5)

    assert [error.args for error in reported if isinstance(error, KeyError)] == [(lacking,)]
    assert (broken.is_open, ada.socket.keys) == (False, {LIST, f"getRecord:{TABLE}:{RECORDS[0]}"})
    assert not first.done()
    assert not second.done()
