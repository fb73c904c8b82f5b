import itertools
from asyncio import gather
from uuid import uuid4

WRITERS = 8
EACH = 5


async def begun(me, *others, **fields):
    body = {"title": "Plans", "memberIds": [other.id for other in others], **fields}
    return (await me.post("/api/v1/conversations", **body)).json()


async def send(account, *operations, **body):
    body = {"transactionId": str(uuid4()), "operations": list(operations)} | body
    return await account.post("/api/v1/transactions", **body)


def on(record_id, op, **fields):
    return {"op": op, "table": "conversations", "id": record_id, **fields}


async def test_concurrent_inserts_into_one_list_are_all_kept(given):
    writers = [await given.an_account() for _ in range(WRITERS)]
    conversation = await begun(*writers)

    async def insert(number):
        values = [f"{number}-{n}" for n in range(EACH)]
        return [
            await send(writers[number], on(conversation["id"], "listInsert", path="tags", value=value, where=where))
            for value, where in zip(values, itertools.cycle(["start", "end"]), strict=False)
        ]

    responses = [response for row in await gather(*(insert(n) for n in range(WRITERS))) for response in row]

    assert {response.status_code for response in responses} == {200}
    final = (await writers[0].get(f"/api/v1/conversations/{conversation['id']}")).json()
    assert sorted(final["tags"]) == sorted(f"{number}-{n}" for number in range(WRITERS) for n in range(EACH))
    assert final["version"] == 1 + WRITERS * EACH
    seen = sorted(a.json()["records"]["conversations"][conversation["id"]]["version"] for a in responses)
    assert seen == list(range(2, final["version"] + 1))


async def test_transactions_on_one_version_have_one_winner(given):
    writers = [await given.an_account() for _ in range(4)]
    conversation = await begun(*writers)
    expected = {"conversations": {conversation["id"]: 1}}

    responses = await gather(
        *(send(w, on(conversation["id"], "set", path="title", value=w.id), expectedVersions=expected) for w in writers)
    )

    assert sorted(response.status_code for response in responses) == [200, 409, 409, 409]
    for refused in (response.json() for response in responses if response.status_code == 409):
        [conflict] = refused["conflicts"]
        assert (conflict["expectedVersion"], conflict["currentVersion"]) == (1, 2)


async def test_transactions_that_touch_the_same_records_in_another_order_do_not_wait_in_a_ring(given):
    me, you = await given.an_account(), await given.an_account()
    ids = [(await begun(me, you))["id"] for _ in range(4)]

    def change(who, order):
        return send(who, *(on(i, "listInsert", path="tags", value=who.id, where="end") for i in order))

    for _ in range(3):
        responses = await gather(change(me, ids), change(you, ids[::-1]), change(me, ids[::-1]), change(you, ids))
        assert [response.status_code for response in responses] == [200] * 4


async def test_a_member_removed_meanwhile_changes_nothing(given):
    for _ in range(3):
        me, you = await given.an_account(), await given.an_account()
        conversation = await begun(me, you)
        path = f"/api/v1/conversations/{conversation['id']}"

        removal, change = await gather(
            me.delete(f"{path}/members/{you.id}", expectedVersion=1),
            send(you, on(conversation["id"], "set", path="title", value="Yours")),
        )

        final = (await me.get(path)).json()
        came_first = change.status_code == 200
        assert (removal.status_code, change.status_code) in {(409, 200), (200, 404)}
        assert (final["title"] == "Yours") == came_first
        assert (you.id in final["memberIds"]) == came_first


async def test_a_repeated_transaction_is_made_once_however_often_it_is_sent(given):
    me = await given.an_account()
    conversation = await begun(me)
    operation = on(conversation["id"], "set", path="title", value="Once")
    name = {"transactionId": str(uuid4())}

    responses = await gather(*(send(me, operation, **name) for _ in range(10)))
    last = await send(me, operation, **name)

    assert {response.status_code for response in responses} <= {200, 409}
    assert {a.json().get("code") for a in responses} <= {None, "IDEMPOTENCY_IN_PROGRESS"}
    assert {response.content for response in responses if response.status_code == 200} == {last.content}
    assert (await me.get(f"/api/v1/conversations/{conversation['id']}")).json()["version"] == 2
