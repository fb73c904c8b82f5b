"""What listeners do never changes what the queue and the cache do: they are called between two steps."""

import asyncio
from uuid import UUID

import pytest
from accord_client import Refused, ValidationFailed
from accord_client.models import CreateOperation, ListInsertOperation, RecordPointer, SetOperation

from .cache_model import TABLE, Loop, Service
from .test_python_cache_model import RECORDS, Person, problem


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


def failing(error):
    def listener(_event):
        raise error

    return listener


@pytest.mark.parametrize("error", [ZeroDivisionError(), asyncio.CancelledError(), StopIteration(), GeneratorExit()])
def test_the_queue_goes_on_whatever_a_listener_raises(loop, service, ada, error):
    told, failures = [], []
    loop.set_exception_handler(lambda _loop, context: failures.append(context["exception"]))
    ada.cache.listen(failing(error))
    ada.cache.listen(told.append)
    service.is_calm = True
    ada.begin(ada.cache.transact([title("one")]))
    ada.begin(ada.cache.transact([title("")]))
    ada.begin(ada.cache.transact([title("three")]))
    loop.settle()

    assert [promise.exception() or promise.result() for promise in ada.promises][::2] == ["made", "made"]
    assert isinstance(ada.promises[1].exception(), ValidationFailed)
    assert [type(event) for event in told].count(Refused) == 1
    assert set(failures) >= {error}
    assert ada.cache.pending == 0


def test_a_listener_that_ends_itself_or_another_is_called_no_more(loop, ada, service):
    told = []
    ends = {}
    service.is_calm = True

    def first(_event):
        told.append("first")
        ends["first"]()
        ends["second"]()

    ends["first"] = ada.cache.listen(first)
    ends["second"] = ada.cache.listen(lambda _event: told.append("second"))
    ada.cache.listen(lambda _event: told.append("third"))

    ada.begin(ada.cache.transact([title("one")]))
    loop.settle()

    assert told.count("first") == 1
    assert "second" not in told
    assert "third" in told


def test_a_listener_that_begins_the_next_change_does_not_disturb_the_order(loop, service, ada):
    begun, undone = [], []
    service.is_calm = True

    def next_one(event):
        if isinstance(event, Refused):
            undone.append(asyncio.ensure_future(ada.cache.undo()))
        if ada.cache.get(TABLE, RECORDS[0]).version == 2 + len(begun) and len(begun) < 3:
            begun.append(asyncio.ensure_future(ada.cache.transact([title(f"begun by a listener {len(begun)}")])))
            begun[-1].add_done_callback(lambda _done: asyncio.ensure_future(ada.cache.flush()))

    ada.cache.listen(next_one)
    ada.begin(ada.cache.transact([title("one")]))
    ada.begin(ada.cache.transact([title("", RECORDS[1])]))
    loop.wait(10)

    assert [type(promise.exception()) for promise in ada.promises] == [type(None), ValidationFailed]
    assert [promise.result() for promise in begun] == ["made"] * 3
    assert [promise.result() for promise in undone] == ["made"]
    assert len(service.applied) == len(set(service.applied)) == 5
    assert service.records[str(RECORDS[0])]["version"] == ada.cache.get(TABLE, RECORDS[0]).version
    assert ada.cache.pending == 0


def test_a_listener_of_a_refused_transaction_finds_its_dependents_rolled_back(loop, service, ada):
    new, seen = UUID(int=77), []
    create = CreateOperation(table=TABLE, id=new, record={"title": ""})
    ada.cache.listen(lambda event: seen.append(ada.cache.pending) if isinstance(event, Refused) else None)
    ada.begin(ada.cache.transact([create]))
    ada.begin(ada.cache.transact([ListInsertOperation(table=TABLE, id=new, path="tags", value="a", where="end")]))
    service.is_calm = True
    [request] = service.requests
    service.do(request)
    request.future.set_result(problem(request.response[0], request.response[1]["code"]))
    loop.settle()

    assert [type(promise.exception()) for promise in ada.promises] == [ValidationFailed, ValidationFailed]
    assert seen == [0, 0]


def test_a_change_to_a_record_that_was_got_or_to_operations_that_were_given_changes_nothing(loop, service, ada):
    operation = SetOperation(table=TABLE, id=RECORDS[0], path="tags", value=["mine"])
    ada.begin(ada.cache.transact([operation]))
    loop.settle()
    operation.value.append("too late")
    ada.cache.get(TABLE, RECORDS[0])["tags"].append("not so")
    service.is_calm = True
    loop.wait(60)

    ada.cache.get(TABLE, RECORDS[0])["tags"].append("not so")

    assert ada.cache.get(TABLE, RECORDS[0])["tags"] == ["mine"]
