"""Which records transactions are about: ids in any letter case, of parents and children, and of other people."""

import itertools
from uuid import uuid4

import pytest
from flows.records.test_apply_transaction import CONVERSATION, begun, on, read, said

from accord.flows.conversations import tables  # noqa: F401  the tables whose keys are read
from accord.flows.records import rules


async def change(account, *operations, **body):
    """Send a transaction: `await change(me, {…}, {…})`."""
    body = {"transactionId": str(uuid4()), "operations": list(operations)} | body
    return await account.post("/api/v1/transactions", **body)


@pytest.mark.parametrize("is_reversed", [False, True])
async def test_a_parent_and_its_child_are_made_and_deleted_together_in_any_order(given, is_reversed):
    me = await given.an_account()
    talk, message = str(uuid4()), str(uuid4())
    creations = [
        on(talk, "create", record={"title": "Plans"}),
        on(message, "create", table="messages", record={"conversationId": talk, "text": "Hello"}),
    ]
    deletions = [on(talk, "delete"), on(message, "delete", table="messages")]
    if is_reversed:
        creations, deletions = creations[::-1], deletions[::-1]

    made = await change(me, *creations)
    undone = await change(me, *deletions, expectedVersions={CONVERSATION: {talk: 1}, "messages": {message: 1}})

    assert [response.status_code for response in (made, undone)] == [200, 200], undone.text
    assert undone.json()["records"] == {}
    told = [(entry["record_table"], entry["record_version"], entry["kind"]) for entry in await given.entries(undone)]
    assert told == [("messages", 2, "deleted"), (CONVERSATION, 2, "deleted")]
    assert [entry["record_table"] for entry in await given.entries(made)] == [CONVERSATION, "messages"]
    for path in (f"conversations/{talk}", f"messages/{message}"):
        assert (await me.get(f"/api/v1/{path}")).status_code == 404


def test_records_stand_behind_those_that_they_belong_to_whatever_their_tables_are_called():
    fields = {
        ("messages", "1"): {"conversationId": "9"},
        ("messages", "2"): {"conversationId": "elsewhere"},
        ("conversations", "9"): {"createdBy": "me"},
    }

    ordered = rules.parents_first(fields, lambda key: fields[key].get)

    assert ordered.index(("conversations", "9")) < ordered.index(("messages", "1"))
    assert sorted(ordered) == sorted(fields)


def test_a_chain_of_records_of_one_table_may_be_longer_than_calls_can_nest():
    chain = [("nodes", f"{number:04}") for number in range(3000)]
    parents = dict(itertools.pairwise(chain))

    ordered = rules.behind(set(chain), lambda key: [parents[key]] if key in parents else [])

    assert ordered == chain[::-1]


def test_a_ring_of_records_is_cut_once():
    ring = [("nodes", name) for name in "abc"]
    parents = dict(zip(ring, ring[1:] + ring[:1], strict=True))

    assert rules.behind(ring, lambda key: [parents[key]]) == [ring[2], ring[1], ring[0]]


async def test_an_id_that_was_deleted_before_is_taken_too(given):
    me = await given.an_account()
    conversation = await begun(me)

    response = await change(me, on(conversation, "delete"), on(conversation, "create", record={"title": "Again"}))

    assert (response.status_code, response.json()["code"]) == (409, "ALREADY_EXISTS")
    assert await read(me, conversation) == conversation


async def test_ids_in_capitals_are_the_same_ids(given):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)
    message = await said(me, conversation)
    new, transaction = str(uuid4()), str(uuid4())
    capital = str.upper

    response = await change(
        me,
        on(capital(conversation["id"]), "listInsert", "pinnedMessageIds", value=capital(message["id"]), where="end"),
        on(conversation, "listInsert", "pinnedMessageIds", value=message["id"], where="start"),
        on(message, "set", "text", table="messages", value=capital(message["id"])),
        on(
            capital(new),
            "create",
            table="messages",
            record={"conversationId": capital(conversation["id"]), "text": "Hi"},
        ),
        expectedVersions={CONVERSATION: {capital(conversation["id"]): 1}},
        transactionId=capital(transaction),
    )

    assert response.status_code == 200, response.text
    records = response.json()["records"]
    assert records[CONVERSATION][conversation["id"]]["pinnedMessageIds"] == [message["id"]]
    assert records[CONVERSATION][conversation["id"]]["version"] == 2
    # What is a text stays as it is, whatever it looks like.
    assert records["messages"][message["id"]]["text"] == capital(message["id"])
    assert records["messages"][new]["conversationId"] == conversation["id"]


async def test_spellings_of_an_id_have_a_single_expected_version(given):
    me = await given.an_account()
    conversation = await begun(me)
    versions = {conversation["id"]: 1, conversation["id"].upper(): 2}

    responses = [
        await change(me, on(conversation, "set", "title", value="Mine"), expectedVersions={CONVERSATION: expected})
        for expected in (versions, {f"urn:uuid:{conversation['id']}": 1}, {conversation["id"].replace("-", ""): 1})
    ]

    assert [(response.status_code, response.json()["code"]) for response in responses] == [
        (400, "VALIDATION_ERROR")
    ] * 3
    assert await read(me, conversation) == conversation


async def test_a_repeat_with_its_ids_in_capitals_is_a_repeat(given):
    me = await given.an_account()
    conversation, transaction = await begun(me), str(uuid4())

    responses = [
        await change(
            me,
            on(written(conversation["id"]), "set", "title", value="Mine"),
            transactionId=written(transaction),
            expectedVersions={CONVERSATION: {written(conversation["id"]): 1}},
        )
        for written in (str.lower, str.upper)
    ]

    assert [response.status_code for response in responses] == [200, 200]
    assert responses[0].json() == responses[1].json()


async def test_no_part_of_a_transaction_reveals_a_foreign_id(given):
    me, you = await given.an_account(), await given.an_account()
    mine = await begun(me)
    theirs = await begun(you)
    their_message = await said(you, theirs)

    def tries(table, record_id, fields):
        yield [on(mine, "set", "title", value="Mine")], {table: {record_id: 1}}
        yield [on(mine, "set", "title", value="Mine")], {table: {record_id: 2}}
        yield [on(record_id, "set", *fields, table=table, value="Mine")], {}
        yield [on(record_id, "delete", table=table)], {}
        yield [on(str(uuid4()), "create", table="messages", record={"conversationId": record_id, "text": "Hi"})], {}

    for table, foreign, fields in (
        (CONVERSATION, theirs["id"], ["title"]),
        ("messages", their_message["id"], ["text"]),
    ):
        responses = [
            [
                await change(me, *operations, expectedVersions=expected)
                for operations, expected in tries(table, i, fields)
            ]
            for i in (foreign, str(uuid4()))
        ]
        told = [[(a.status_code, comparable(a)) for a in each] for each in responses]
        assert told[0] == told[1]
        assert {status for status, _ in told[0]} == {404}
    assert await read(me, mine) == mine


async def test_creating_a_record_with_a_foreign_id_is_like_changing_an_unknown_one(given):
    me, you = await given.an_account(), await given.an_account()
    mine, theirs = await begun(me), await begun(you)
    their_message = await said(you, theirs)
    unknown = await me.get(f"/api/v1/conversations/{uuid4()}")

    responses = [
        await change(me, on(theirs, "create", record={"title": "Mine"})),
        await change(
            me,
            on(their_message, "create", table="messages", record={"conversationId": mine["id"], "text": "Hi"}),
        ),
    ]

    assert [(a.status_code, comparable(a)) for a in responses] == [(404, comparable(unknown))] * 2


def comparable(response):
    """Return what may not differ: all but what is of the request itself."""
    headers = {
        n: v for n, v in response.headers.items() if n not in {"date", "ratelimit", "x-request-id", "x-trace-id"}
    }
    body = {n: v for n, v in response.json().items() if n not in {"requestId", "instance"}}
    headers.pop("content-length")
    return headers, body
