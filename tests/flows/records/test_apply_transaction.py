from uuid import uuid4

import hypothesis
import pytest
from hypothesis import strategies as st

CONVERSATION = "conversations"


def on(target, op, path=None, table=CONVERSATION, **fields):
    """Return one operation on a record, given by its id or as it was read."""
    record_id = target if isinstance(target, str) else target["id"]
    return {"op": op, "table": table, "id": record_id, **({"path": path} if path else {}), **fields}


async def begun(me, *others, **fields):
    body = {"title": "Plans", "memberIds": [other.id for other in others], **fields}
    return (await me.post("/api/v1/conversations", **body)).json()


async def said(me, conversation, text="Hello"):
    return (await me.post(f"/api/v1/conversations/{conversation['id']}/messages", text=text)).json()


async def read(me, conversation):
    return (await me.get(f"/api/v1/conversations/{conversation['id']}")).json()


async def test_operations_on_one_record_are_one_change_of_one_version(given, change):
    me = await given.an_account()
    conversation = await begun(me, tags=["b"])

    response = await change(
        me,
        on(conversation, "set", "title", value="Better plans"),
        on(conversation, "listInsert", "tags", value="a", where="start"),
        on(conversation, "listInsert", "tags", value="c", where="after", anchor="b"),
        on(conversation, "setNow", "archivedAt"),
    )

    changed = response.json()["records"][CONVERSATION][conversation["id"]]
    assert (response.status_code, changed["version"]) == (200, 2)
    assert (changed["title"], changed["tags"]) == ("Better plans", ["a", "b", "c"])
    assert changed["archivedAt"] is not None
    assert changed == await read(me, conversation)
    [entry] = await given.entries(response)
    assert (entry["kind"], entry["record_version"]) == ("updated", 2)
    assert entry["fields"].keys() == {"title", "tags", "archived_at"}


async def test_records_of_several_kinds_change_together(given, change):
    me = await given.an_account()
    conversation = await begun(me)
    old, mine = await said(me, conversation, "Old"), await said(me, conversation, "Mine")
    new = str(uuid4())

    response = await change(
        me,
        on(new, "create", table="messages", record={"conversationId": conversation["id"], "text": "New"}),
        on(mine, "set", "text", table="messages", value="Changed"),
        on(old, "delete", table="messages"),
        on(conversation, "listInsert", "pinnedMessageIds", value=new, where="end"),
    )

    records = response.json()["records"]
    assert response.status_code == 200, response.text
    assert {i: (m["text"], m["version"]) for i, m in records["messages"].items()} == {
        new: ("New", 1),
        mine["id"]: ("Changed", 2),
    }
    assert records[CONVERSATION][conversation["id"]]["pinnedMessageIds"] == [new]
    assert (await me.get(f"/api/v1/messages/{old['id']}")).status_code == 404
    kinds = [(entry["record_table"], entry["kind"]) for entry in await given.entries(response)]
    assert sorted(kinds) == [
        ("conversations", "updated"),
        ("messages", "created"),
        ("messages", "deleted"),
        ("messages", "updated"),
    ]


async def test_a_created_record_may_be_changed_in_the_same_transaction(given, change):
    me, you = await given.an_account(), await given.an_account()
    new = str(uuid4())

    response = await change(
        me,
        on(new, "create", record={"title": "Plans", "memberIds": [you.id]}),
        on(new, "listInsert", "tags", value="work", where="end"),
        on(new, "setNow", "archivedAt"),
    )

    created = response.json()["records"][CONVERSATION][new]
    assert (created["version"], created["tags"], created["createdBy"]) == (1, ["work"], me.id)
    assert created["archivedAt"] is not None
    assert (await you.get("/api/v1/conversations")).json()["items"] == [created]
    assert [entry["kind"] for entry in await given.entries(response)] == ["created"]


async def test_every_stale_record_is_listed_and_nothing_changes(given, change):
    me = await given.an_account()
    first, second, third = [await begun(me, title=title) for title in "abc"]
    for stale in (first, third):
        await me.patch(f"/api/v1/conversations/{stale['id']}", expectedVersion=1, title="Moved on")
    before = (await me.get("/api/v1/conversations")).json()

    response = await change(
        me,
        *(on(c, "set", "title", value="Mine") for c in (first, second)),
        expectedVersions={CONVERSATION: {c["id"]: 1 for c in (first, second, third)}},
    )

    assert (response.status_code, response.json()["code"]) == (409, "VERSION_CONFLICT")
    conflicts = sorted(response.json()["conflicts"], key=lambda c: c["id"])
    assert conflicts == sorted(
        ({"table": CONVERSATION, "id": c["id"], "expectedVersion": 1, "currentVersion": 2} for c in (first, third)),
        key=lambda c: c["id"],
    )
    assert (await me.get("/api/v1/conversations")).json() == before
    assert await given.entries(response) == []


async def test_current_versions_let_it_pass(given, change):
    me = await given.an_account()
    conversation = await begun(me)

    response = await change(
        me,
        on(conversation, "set", "title", value="Mine"),
        expectedVersions={CONVERSATION: {conversation["id"].upper(): 1}},
    )

    assert response.status_code == 200


@pytest.mark.parametrize("path", ["id", "version", "createdAt", "createdBy", "memberIds", "role", "passwordHash"])
@pytest.mark.parametrize("op", [{"op": "set", "value": "x"}, {"op": "setNow"}])
async def test_fields_outside_the_contract_are_not_written(given, change, path, op):
    me = await given.an_account()
    conversation = await begun(me)

    response = await change(me, on(conversation, path=path, **op))

    assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")
    assert response.json()["errors"][0]["field"] == "operations[0].path"
    assert await read(me, conversation) == conversation


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        ({"op": "set", "path": "tags", "value": ["x"]}, "operations[0].path"),
        ({"op": "setNow", "path": "title"}, "operations[0].path"),
        ({"op": "listInsert", "path": "title", "value": "x", "where": "end"}, "operations[0].path"),
        ({"op": "listRemove", "path": "title", "value": "x"}, "operations[0].path"),
        ({"op": "set", "path": "archivedAt", "value": "2026-01-31T09:30:00.000000Z"}, "operations[0].value"),
        ({"op": "listInsert", "path": "tags", "value": "x", "where": "after"}, "operations[0].anchor"),
        ({"op": "listInsert", "path": "tags", "value": "x", "where": "end", "anchor": "y"}, "operations[0].anchor"),
        ({"op": "create", "record": {"title": "Mine", "version": 7}}, "operations[0].record.version"),
        ({"op": "create", "record": {"tags": ["x"]}}, "operations[0].record.title"),
        ({"op": "set", "table": "users", "path": "role", "value": "root"}, "operations[0].table"),
        ({"op": "delete", "table": "journal"}, "operations[0].table"),
    ],
)
async def test_operations_that_the_contract_does_not_allow_are_refused(given, change, operation, field):
    me = await given.an_account()
    conversation = await begun(me)

    response = await change(me, {"table": CONVERSATION, "id": conversation["id"], **operation})

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, field)
    assert await read(me, conversation) == conversation


@pytest.mark.parametrize(
    ("operation", "field", "message"),
    [
        ({"pth": "title"}, "pth", "is not a known field"),
        ({"id": None}, "id", "must be of type string"),
        ({"op": "put"}, "op", "must be one of set, setNow, listInsert, listRemove, create, delete"),
        ({"op": 5}, "op", "must be one of set, setNow, listInsert, listRemove, create, delete"),
        ({"op": "setNow"}, "value", "is not a known field"),
        ({"op": "listInsert", "where": "middle"}, "where", "must be one of start, end, before, after"),
        ({"op": "create"}, "record", "is required"),
        ({"value": {}}, "value", "must be of type array or boolean or null or number or string"),
        ({"value": ["x", 1]}, "value[1]", "must be of type string"),
    ],
)
async def test_the_wrong_member_of_an_operation_is_named(given, change, operation, field, message):
    me = await given.an_account()
    good = on(str(uuid4()), path="title", op="set", value="x")

    response = await change(me, good, good, {**good, **operation})

    assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")
    assert {"field": f"operations[2].{field}", "message": message} in response.json()["errors"]


@pytest.mark.parametrize("missing", ["op", "table", "id", "path", "value"])
async def test_a_missing_member_of_an_operation_is_named(given, change, missing):
    me = await given.an_account()
    good = on(str(uuid4()), path="title", op="set", value="x")

    response = await change(me, {name: value for name, value in good.items() if name != missing})

    assert response.json()["errors"] == [{"field": f"operations[0].{missing}", "message": "is required"}]


@pytest.mark.parametrize(
    ("path", "op"),
    [
        ("title", {"op": "set", "value": ""}),
        ("title", {"op": "set", "value": 5}),
        ("title", {"op": "set", "value": None}),
        ("tags", {"op": "listInsert", "value": "x" * 51, "where": "end"}),
        ("pinnedMessageIds", {"op": "listInsert", "value": "not an id", "where": "end"}),
    ],
)
@pytest.mark.parametrize("created", [False, True])
async def test_a_record_that_would_not_fit_its_schema_is_refused(given, change, path, op, created):
    me = await given.an_account()
    record_id = str(uuid4()) if created else (await begun(me))["id"]
    first = [on(record_id, "create", record={"title": "Plans"})] if created else []

    response = await change(me, *first, on(record_id, path=path, **op))

    assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")
    assert response.json()["errors"][0]["field"].startswith(f"conversations.{record_id}.{path}")
    assert await given.entries(response) == []


async def test_a_record_the_caller_may_not_change_is_like_a_missing_one(given, change):
    me, you = await given.an_account(), await given.an_account()
    mine, ours = await begun(me), await begun(me, you)
    message = await said(me, ours)
    operations = [
        on(mine, "set", "title", value="Mine"),
        on(mine, "delete"),
        on(message, "set", "text", table="messages", value="Mine"),
        on(str(uuid4()), "set", "title", value="Mine"),
        on(str(uuid4()), "create", table="messages", record={"conversationId": mine["id"], "text": "Hello"}),
        on(str(uuid4()), "create", table="messages", record={"conversationId": str(uuid4()), "text": "Hello"}),
    ]

    responses = [await change(you, on(ours, "set", "title", value="Ours"), operation) for operation in operations]

    assert [response.status_code for response in responses] == [404] * 6
    assert await read(you, ours) == ours
    assert (await me.get(f"/api/v1/messages/{message['id']}")).json() == message


async def test_only_its_creator_deletes_a_conversation_in_a_transaction_too(given, change):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)

    responses = [await change(who, on(conversation, "delete")) for who in (you, me, me)]

    assert [response.status_code for response in responses] == [403, 200, 404]
    assert responses[1].json()["records"] == {}
    assert (await me.get("/api/v1/conversations")).json()["items"] == []


async def test_an_id_that_is_taken_is_not_created_again(given, change):
    me = await given.an_account()
    conversation = await begun(me)

    response = await change(me, on(conversation, "create", record={"title": "Again"}))

    assert (response.status_code, response.json()["code"]) == (409, "ALREADY_EXISTS")
    assert await read(me, conversation) == conversation


async def test_an_anchor_that_is_gone_is_told(given, change):
    me = await given.an_account()
    conversation = await begun(me, tags=["a"])

    response = await change(me, on(conversation, "listInsert", "tags", value="b", where="before", anchor="gone"))

    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "operations[0].anchor")
    assert await read(me, conversation) == conversation


async def test_a_repeat_gets_the_first_response_and_another_body_is_422(given, change):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)
    name = {"transactionId": str(uuid4())}
    operation = on(conversation, "listInsert", "tags", value="a", where="end")

    first = await change(me, operation, **name)
    await change(me, on(conversation, "listRemove", "tags", value="a"))
    repeat = await change(me, operation, **name)
    other = await change(me, on(conversation, "set", "title", value="Other"), **name)
    yours = await change(you, operation, **name)

    assert (repeat.status_code, repeat.content) == (200, first.content)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert (yours.status_code, (await read(me, conversation))["version"]) == (200, 4)


async def test_500_operations_are_the_most(given, change):
    me = await given.an_account()
    conversation = await begun(me)
    operations = [on(conversation, "set", "title", value=f"Plan {n}") for n in range(501)]

    responses = [await change(me, *operations), await change(me, *operations[:500]), await change(me)]

    assert [response.status_code for response in responses] == [400, 200, 400]
    assert (await read(me, conversation))["version"] == 2


VALUES = st.sampled_from(["a", "b", "c"])
# What fits, what sometimes fits (an anchor may be gone), and what never does (an empty title, the version).
CHANGES = st.one_of(
    st.builds(dict, op=st.just("set"), path=st.just("title"), value=st.sampled_from(["Plans", "Others", ""])),
    st.builds(dict, op=st.just("setNow"), path=st.sampled_from(["archivedAt", "archivedAt", "version"])),
    st.builds(
        dict, op=st.just("listInsert"), path=st.just("tags"), value=VALUES, where=st.sampled_from(["start", "end"])
    ),
    st.builds(
        dict, op=st.just("listInsert"), path=st.just("tags"), value=VALUES, where=st.just("after"), anchor=VALUES
    ),
    st.builds(dict, op=st.just("listRemove"), path=st.just("tags"), value=VALUES),
)
TRANSACTIONS = st.lists(
    st.tuples(st.lists(st.tuples(st.integers(0, 1), CHANGES), min_size=1, max_size=5), st.booleans()), max_size=6
)


@hypothesis.settings(max_examples=20, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(transactions=TRANSACTIONS)
async def test_any_transaction_changes_nothing_or_raises_each_version_by_one(given, change, transactions):
    me = await given.an_account()
    now = [await begun(me, title=title) for title in ("First", "Second")]

    for changes, is_stale in transactions:
        expected = {CONVERSATION: {now[0]["id"]: now[0]["version"] - is_stale}}
        operations = [{"table": CONVERSATION, "id": now[which]["id"], **fields} for which, fields in changes]
        response = await change(me, *operations, expectedVersions=expected)

        before, now = now, [await read(me, conversation) for conversation in now]
        touched = {which for which, _ in changes} if response.status_code == 200 else set()
        entries = await given.entries(response)
        assert (response.status_code == 200) is (touched != set())
        assert [after["version"] - b["version"] for b, after in zip(before, now, strict=True)] == [
            int(which in touched) for which in (0, 1)
        ]
        assert all(before[which] == now[which] for which in {0, 1} - touched)
        assert {entry["record_id"] for entry in entries} == {now[which]["id"] for which in touched}
        assert len(entries) == len(touched)
        assert not is_stale or response.status_code in {400, 409}
