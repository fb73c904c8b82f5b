import asyncio
from uuid import UUID, uuid4

import httpx
import pytest
from accord_client import (
    AsyncAccord,
    Changed,
    Refused,
    VersionConflict,
    models,
)
from accord_client.models import (
    CreateConversation,
    CreateMessage,
    CreateOperation,
    DeleteOperation,
    ListInsertOperation,
    ListRemoveOperation,
    RecordPointer,
    SetNowOperation,
    SetOperation,
    UpdateConversation,
)

TABLE = "conversations"


@pytest.fixture
async def ada(person):
    return await person()


@pytest.fixture
async def accord(ada, proxy):
    """A client whose connection tests cut; `writer` is another that they do not."""
    return await ada.client(proxy.url, retries=0)


@pytest.fixture
async def writer(ada):
    return await ada.client()


@pytest.fixture
async def plans(writer):
    return await writer.create_conversation(CreateConversation(title="Plans", tags=["a", "c"]))


@pytest.fixture
async def cache(accord, plans):
    made = accord.cache()
    await made.load([pointer(plans)])
    return made


def pointer(record, table=TABLE):
    return RecordPointer(table=table, id=record.id)


def title(record, value):
    return SetOperation(table=TABLE, id=record.id, path="title", value=value)


def tag(record, value, **where):
    return ListInsertOperation(table=TABLE, id=record.id, path="tags", value=value, **(where or {"where": "end"}))


async def test_more_records_than_one_request_may_ask_for_are_read_with_several(cache, writer, plans):
    await writer.update_conversation(plans.id, UpdateConversation(expected_version=1, title="Better"))
    unknown = [RecordPointer(table=TABLE, id=uuid4()) for _ in range(1000)]

    await cache.load([*unknown, pointer(plans)])

    assert cache.get(TABLE, plans.id)["title"] == "Better"


async def test_a_transaction_shows_at_once_and_is_made(cache, writer, plans):
    making = asyncio.create_task(cache.transact([title(plans, "Better"), tag(plans, "b", where="after", anchor="a")]))
    await asyncio.sleep(0)

    shown = cache.get(TABLE, plans.id)
    assert (shown["title"], shown["tags"], shown.version) == ("Better", ["a", "b", "c"], 2)
    assert await making == "made"
    assert cache.get(TABLE, plans.id).version == (await writer.get_conversation(plans.id)).version == 2
    assert cache.pending == 0


async def test_two_quick_edits_of_one_client_do_not_conflict(cache, writer, plans):
    outcomes = await asyncio.gather(cache.transact([title(plans, "One")]), cache.transact([title(plans, "Two")]))

    assert outcomes == ["made", "made"]
    assert (await writer.get_conversation(plans.id)).title == "Two"


async def test_a_refused_transaction_is_taken_back_and_those_behind_it_stay(cache, writer, plans):
    other = await writer.create_conversation(CreateConversation(title="Other"))
    await cache.load([pointer(other)])
    await writer.update_conversation(other.id, UpdateConversation(expected_version=1, title="Moved on"))
    told = []
    cache.listen(told.append)

    refused, made = await asyncio.gather(
        cache.transact([title(plans, "Refused"), title(other, "Refused")]),
        cache.transact([tag(plans, "z")]),
        return_exceptions=True,
    )

    assert isinstance(refused, VersionConflict)
    assert [str(conflict.id) for conflict in refused.conflicts] == [str(other.id)]
    assert made == "made"
    shown = cache.get(TABLE, plans.id)
    assert (shown["title"], shown["tags"], shown.version) == ("Plans", ["a", "c", "z"], 2)
    assert cache.get(TABLE, other.id)["title"] == "Other"
    assert [type(event) for event in told if not isinstance(event, Changed)] == [Refused]


async def test_transactions_queued_offline_are_sent_in_order_afterwards(cache, writer, plans, proxy):
    await proxy.stop()

    outcomes = [await cache.transact([title(plans, name)]) for name in ("One", "Two", "Three")]
    assert outcomes == ["queued"] * 3
    assert (cache.pending, cache.get(TABLE, plans.id)["title"]) == (3, "Three")
    assert not await cache.flush()

    await proxy.start()
    assert await cache.flush()
    after = await writer.get_conversation(plans.id)
    assert (after.title, after.version, cache.pending) == ("Three", 4, 0)


async def test_the_queue_empties_by_itself(cache, writer, plans, proxy, until):
    await proxy.stop()
    await cache.transact([title(plans, "Later")])
    await proxy.start()

    after = await until(lambda: writer.get_conversation(plans.id), lambda read: read.version == 2)

    assert after.title == "Later"


async def test_a_flush_sends_again_after_an_earlier_failure():
    tries, fail, record = [], asyncio.Event(), {"id": str(uuid4()), "version": 2}

    async def serve(_request):
        tries.append(None)
        if len(tries) == 1:
            raise httpx.ConnectError("away")
        if len(tries) == 2:
            await fail.wait()
            raise httpx.ConnectError("still away")
        return httpx.Response(
            200, json={"records": {TABLE: {record["id"]: record}}, "position": 1, "cursor": "1.9f3a2b1c"}
        )

    async with AsyncAccord("http://accord", transport=httpx.MockTransport(serve), retries=0) as accord:
        cache = accord.cache()
        change = SetNowOperation(table=TABLE, id=UUID(record["id"]), path="archivedAt")
        assert await cache.transact([change]) == "queued"
        while len(tries) < 2:
            await asyncio.sleep(0.01)

        flushing = asyncio.create_task(cache.flush())
        await asyncio.sleep(0)
        fail.set()

        assert await flushing
    assert (len(tries), cache.pending) == (3, 0)


async def test_a_transaction_whose_response_was_cut_is_made_once(cache, writer, plans, proxy):
    proxy.cut_response_of("POST /api/v1/transactions")

    assert await cache.transact([title(plans, "Once")]) == "queued"
    assert await cache.flush()

    assert (await writer.get_conversation(plans.id)).version == cache.get(TABLE, plans.id).version == 2
    assert proxy.count("POST /api/v1/transactions") == 2


async def test_listeners_are_told_of_a_queued_transaction_that_is_refused(cache, writer, plans, proxy):
    told = []
    cache.listen(lambda event: told.append(event) if isinstance(event, Refused) else None)
    await proxy.stop()
    await cache.transact([title(plans, "Too late")])
    await writer.update_conversation(plans.id, UpdateConversation(expected_version=1, title="First"))
    await proxy.start()

    assert await cache.flush()

    assert [type(event.error) for event in told] == [VersionConflict]
    assert cache.get(TABLE, plans.id)["title"] == "Plans"
    assert await cache.undo() is None


async def test_undo_and_redo_are_ordinary_transactions(cache, writer, plans):
    await cache.transact(
        [
            title(plans, "Better"),
            ListRemoveOperation(table=TABLE, id=plans.id, path="tags", value="a"),
            tag(plans, "b", where="start"),
            tag(plans, "c", where="start"),
            SetNowOperation(table=TABLE, id=plans.id, path="archivedAt"),
        ]
    )
    better = await writer.get_conversation(plans.id)

    await cache.undo()
    undone = await writer.get_conversation(plans.id)
    await cache.redo()
    redone = await writer.get_conversation(plans.id)

    assert (better.title, better.tags, undone.title, undone.tags) == ("Better", ["c", "b"], "Plans", ["a", "c"])
    assert better.archived_at is not None
    assert undone.archived_at is None
    assert (redone.title, redone.tags, redone.version) == ("Better", ["c", "b"], 4)
    assert redone.archived_at is not None
    assert await cache.redo() is None


async def messages_of(writer, plans):
    return {message.id: message.text async for message in writer.iterate(writer.list_messages, plans.id)}


async def test_creating_can_be_undone_and_comes_back_under_a_new_id(cache, writer, plans):
    new = uuid4()
    await cache.transact(
        [CreateOperation(table="messages", id=new, record={"conversationId": str(plans.id), "text": "Hello"})]
    )
    await cache.transact([SetOperation(table="messages", id=new, path="text", value="Hello again")])
    assert await messages_of(writer, plans) == {new: "Hello again"}

    await cache.undo()
    await cache.undo()
    assert await messages_of(writer, plans) == {}
    assert cache.get("messages", new) is None

    await cache.redo()
    await cache.redo()
    [(other, text)] = (await messages_of(writer, plans)).items()
    assert (other != new, text, cache.get("messages", other)["text"]) == (True, "Hello again", "Hello again")


async def test_deleting_can_be_undone_and_what_names_the_record_follows(cache, writer, plans):
    message = await writer.create_message(plans.id, CreateMessage(text="Hello"))
    await cache.load([pointer(message, "messages"), pointer(plans)])
    pin = ListInsertOperation(table=TABLE, id=plans.id, path="pinnedMessageIds", value=str(message.id), where="end")
    unpin = ListRemoveOperation(table=TABLE, id=plans.id, path="pinnedMessageIds", value=str(message.id))
    await cache.transact([pin])
    await cache.transact([unpin, DeleteOperation(table="messages", id=message.id)])

    await cache.undo()

    [(other, text)] = (await messages_of(writer, plans)).items()
    assert text == "Hello"
    assert (await writer.get_conversation(plans.id)).pinned_message_ids == [other]
    await cache.undo()
    assert (await writer.get_conversation(plans.id)).pinned_message_ids == []


async def test_an_undo_that_is_refused_can_be_tried_again(cache, writer, plans):
    await cache.transact([title(plans, "Better")])
    await writer.update_conversation(plans.id, UpdateConversation(expected_version=2, tags=["x"]))

    with pytest.raises(VersionConflict):
        await cache.undo()
    await cache.load([pointer(plans)])
    assert await cache.undo() == "made"

    assert (await writer.get_conversation(plans.id)).title == "Plans"


async def test_the_higher_version_is_kept(cache, writer, plans):
    newer = await writer.update_conversation(plans.id, UpdateConversation(expected_version=1, title="Newer"))

    cache.put(TABLE, newer)
    cache.put(TABLE, plans)

    assert cache.get(TABLE, plans.id)["title"] == "Newer"


async def test_a_deleted_record_is_not_in_the_cache(cache, writer, plans):
    await writer.delete_conversation(plans.id, expected_version=1)

    await cache.load([pointer(plans)])

    assert cache.get(TABLE, plans.id) is None


async def test_a_followed_record_stays_current(cache, writer, plans, accord):
    seen = asyncio.Event()
    cache.listen(lambda event: seen.set() if isinstance(event, Changed) else None)

    async with cache.follow(TABLE, plans.id):
        await writer.update_conversation(plans.id, UpdateConversation(expected_version=1, title="Current"))
        await asyncio.wait_for(seen.wait(), 60)
        assert cache.get(TABLE, plans.id)["title"] == "Current"

        seen.clear()
        accord.live.disconnect()
        await writer.delete_conversation(plans.id, expected_version=2)
        await asyncio.wait_for(seen.wait(), 60)
        assert cache.get(TABLE, plans.id) is None


async def test_many_records_are_loaded_in_parts(accord, writer, plans):
    messages = [await writer.create_message(plans.id, CreateMessage(text=str(n))) for n in range(3)]
    cache = accord.cache()

    await cache.load([pointer(m, "messages") for m in messages] + [RecordPointer(table="users", id=uuid4())] * 1200)

    assert [cache.get("messages", message.id)["text"] for message in messages] == ["0", "1", "2"]


async def test_a_caller_that_is_cancelled_leaves_the_transaction_to_be_made(cache, writer, plans, until):
    making = asyncio.create_task(cache.transact([title(plans, "Made anyway")]))
    await asyncio.sleep(0)
    making.cancel()

    after = await until(lambda: writer.get_conversation(plans.id), lambda read: read.version == 2)

    assert after.title == "Made anyway"


async def test_records_have_types(writer, cache, plans):
    record = cache.get(TABLE, plans.id)

    assert models.Conversation.from_dict(record.to_dict()) == await writer.get_conversation(plans.id)


async def test_a_listener_that_fails_stops_nothing(cache, plans):
    loop, told = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _loop, context: told.append(context["exception"]))
    cache.listen(lambda _event: 1 / 0)

    try:
        assert await cache.transact([title(plans, "Made")]) == "made"
    finally:
        loop.set_exception_handler(None)

    assert {type(error) for error in told} == {ZeroDivisionError}


async def test_a_transaction_of_a_client_that_is_closed_fails(cache, accord, plans):
    await accord.close()

    with pytest.raises(RuntimeError):
        await cache.transact([title(plans, "Never")])
