import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from given import details

from accord.contract.names import snake_case
from accord.contract.types import AuditEntry
from accord.flows.audit import rules, serializers

TEXT = "something between the two of us"


async def history(given):
    """Return an account with six entries: its creation, its sign-in, and four changes."""
    me = await given.an_account()
    for version in range(1, 5):
        await me.patch("/api/v1/me", expectedVersion=version, firstName=f"Name {version}")
    return me


async def test_lists_actors_and_changes_newest_first(given, sequenced):
    admin, me = await given.an_admin(), await given.an_account()
    changed = await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")

    items = await sequenced(admin, 3, actorId=me.id)

    assert [item["operation"] for item in items] == ["updateMe", "login", "register"]
    assert items[0] | {"position": 0, "at": ""} == {
        "position": 0,
        "at": "",
        "requestId": changed.headers["x-request-id"],
        "actorKind": "user",
        "actorId": me.id,
        "organisationId": None,
        "operation": "updateMe",
        "table": "users",
        "recordId": me.id,
        "version": 2,
        "kind": "updated",
        "fields": {"firstName": "Grace"},
    }
    assert items[1]["version"] is None
    positions = [item["position"] for item in items]
    assert positions == sorted(positions, reverse=True)


async def test_every_filter_narrows_and_they_combine(given, sequenced):
    admin, me = await given.an_admin(), await history(given)
    items = await sequenced(admin, 6, actorId=me.id)
    third = items[2]

    async def positions(**query):
        response = await admin.get("/api/v1/audit", **query)
        return [item["position"] for item in response.json()["items"]]

    every = [item["position"] for item in items]
    assert await positions(actorId=me.id, operation="updateMe") == every[:4]
    assert await positions(recordId=me.id, table="users") == [*every[:4], every[5]]
    assert await positions(recordId=me.id, table="sessions") == []
    assert await positions(actorId=me.id, until=third["at"]) == every[3:]
    assert await positions(actorId=me.id, since=third["at"]) == every[:3]
    assert await positions(actorId=me.id, since=third["at"], until=items[0]["at"]) == every[1:3]
    assert await positions(actorId=me.id.upper(), recordId=me.id, operation="register") == every[5:]


async def test_pages_are_complete_though_new_entries_come_meanwhile(given, sequenced):
    admin, me = await given.an_admin(), await history(given)
    every = [item["position"] for item in await sequenced(admin, 6, actorId=me.id)]

    seen, cursor = [], {}
    while True:
        page = await admin.get("/api/v1/audit", actorId=me.id, limit=2, **cursor)
        seen += [item["position"] for item in page.json()["items"]]
        if page.json()["nextCursor"] is None:
            break
        assert 'rel="next"' in page.headers["link"]
        cursor = {"cursor": page.json()["nextCursor"]}
        await me.patch("/api/v1/me", expectedVersion=5 + len(seen) // 2 - 1, firstName="Later")

    assert seen == every
    assert "link" not in page.headers


async def test_a_cursor_is_good_for_its_filter_and_its_caller_only(given, sequenced):
    admin, other, me = await given.an_admin(), await given.an_admin(), await history(given)
    await sequenced(admin, 6, actorId=me.id)
    cursor = (await admin.get("/api/v1/audit", actorId=me.id, limit=1)).json()["nextCursor"]

    responses = [
        await admin.get("/api/v1/audit", actorId=me.id, limit=1, cursor=cursor),
        await admin.get("/api/v1/audit", limit=1, cursor="start"),
        await admin.get("/api/v1/audit", limit=1, cursor=cursor),
        await other.get("/api/v1/audit", actorId=me.id, limit=1, cursor=cursor),
        await admin.get("/api/v1/me/activity", limit=1, cursor=cursor),
        await admin.get("/api/v1/audit", actorId=me.id, limit=1, cursor=f"{cursor}x"),
        await admin.get("/api/v1/audit", actorId=me.id, limit=1, cursor="WzFd.c2ln"),
    ]

    assert [response.status_code for response in responses] == [200, 200, 400, 400, 400, 400, 400]
    assert responses[2].json()["errors"][0]["field"] == "cursor"


async def test_secrets_are_redacted(given, sequenced):
    admin = await given.an_admin()
    created = await admin.post("/api/v1/users", **details())

    [item] = await sequenced(admin, 1, recordId=created.json()["id"])

    assert item["fields"]["passwordHash"] == "[redacted]"
    assert item["fields"]["firstName"] == "Ada"
    assert "argon2" not in str(item)


@pytest.mark.parametrize(
    "query",
    [
        {"actorId": "me"},
        {"operation": "update me"},
        {"table": "Users;"},
        {"recordId": "1"},
        {"since": "yesterday"},
        {"until": "2026-02-30T00:00:00Z"},
        {"since": "2026-01-01"},
        {"limit": 101},
        {"cursor": ""},
        {"reason": ""},
        {"reason": " "},
        {"reason": "a\nb"},
        {"reason": "x" * 501},
        {"from": "2026-01-01T00:00:00Z"},
    ],
)
async def test_filters_outside_the_contract_are_refused(given, query):
    admin = await given.an_admin()

    response = await admin.get("/api/v1/audit", **query)

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, next(iter(query)))


@pytest.mark.parametrize(
    "moments",
    [
        {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59.999999999Z"},
        {"since": "2026-01-01t00:00:00.1z", "until": "9999-12-31T23:59:59+00:00"},
        {"since": "2026-01-01T00:00:00-23:59"},
    ],
)
async def test_every_moment_that_exists_is_understood(given, sequenced, moments):
    admin = await given.an_admin()

    assert len(await sequenced(admin, 1, limit=1, **moments)) == 1


async def test_root_may_and_a_customer_may_not(given):
    root, somebody = await given.root(), await given.an_account()

    assert (await root.get("/api/v1/audit", limit=1)).status_code == 200
    response = await somebody.get("/api/v1/audit")
    assert (response.status_code, response.json()["code"]) == (403, "FORBIDDEN")


async def until_read(sequenced, admin, reason, count=1, **query):
    """Return the entries of the readings with this reason, as soon as there are so many."""
    async with asyncio.timeout(30):
        while True:
            entries = await sequenced(admin, count, **query)
            found = [entry for entry in entries if entry["fields"]["reason"] == reason]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.02)


async def written(given):
    """Return somebody, a conversation of theirs, and a message in it."""
    me = await given.an_account()
    conversation = (await me.post("/api/v1/conversations", title="Plans")).json()
    message = (await me.post(f"/api/v1/conversations/{conversation['id']}/messages", text=TEXT)).json()
    return me, conversation, message


async def test_an_administrator_who_may_not_read_a_message_sees_which_fields_changed_and_no_value(given, sequenced):
    admin = await given.an_admin()
    me, _, message = await written(given)

    [entry] = await sequenced(admin, 1, recordId=message["id"])
    everything = await admin.get("/api/v1/audit", actorId=me.id, limit=100)

    assert (entry["operation"], entry["actorId"]) == ("createMessage", me.id)
    assert entry["fields"]["text"] == "[withheld]"
    assert TEXT not in everything.text
    assert "Plans" not in everything.text


async def test_a_member_who_is_an_administrator_sees_values(given, sequenced):
    admin = await given.an_admin()
    me, conversation, message = await written(given)
    added = await me.post(f"/api/v1/conversations/{conversation['id']}/members", expectedVersion=1, userId=admin.id)
    assert added.status_code < 300

    [entry] = await sequenced(admin, 1, recordId=message["id"])

    assert entry["fields"]["text"] == TEXT


async def test_values_of_deleted_records_are_not_shown(given, sequenced):
    me, _, message = await written(given)
    assert (await me.delete(f"/api/v1/messages/{message['id']}", expectedVersion=1)).status_code == 204
    root = await given.root()

    mine = await sequenced(me, 5, "/api/v1/me/activity")
    theirs = await sequenced(root, 2, recordId=message["id"])

    assert [entry["operation"] for entry in theirs] == ["deleteMessage", "createMessage"]
    assert TEXT not in str(mine) + str(theirs)


async def test_root_sees_values_with_a_reason_that_the_journal_keeps(given, sequenced):
    root, admin = await given.root(), await given.an_admin()
    me, _, message = await written(given)
    assert (await me.delete(f"/api/v1/messages/{message['id']}", expectedVersion=1)).status_code == 204
    await sequenced(root, 2, recordId=message["id"])
    query = {"recordId": message["id"], "since": "2026-01-01T00:00:00Z", "reason": f"Complaint about {message['id']}"}

    shown = await root.get("/api/v1/audit", **query)
    reading = {"recordId": root.id, "operation": "listAudit"}
    entries = await until_read(sequenced, admin, query["reason"], **reading)

    assert [entry["fields"].get("text") for entry in shown.json()["items"]] == [None, TEXT]
    assert [(entry["actorId"], entry["table"], entry["kind"]) for entry in entries] == [(root.id, "users", "event")]
    assert entries[0]["requestId"] == shown.headers["x-request-id"]
    assert entries[0]["fields"] == {
        "event": "values read",
        "reason": query["reason"],
        "recordId": message["id"],
        "since": "2026-01-01T00:00:00+00:00",
    }


async def test_a_reason_opens_the_next_page_and_each_page_is_noted(given, sequenced):
    root, admin = await given.root(), await given.an_admin()
    me, _, message = await written(given)
    await sequenced(root, 4, actorId=me.id)
    reason = f"Complaint about {message['id']}"
    first = await root.get("/api/v1/audit", actorId=me.id, limit=1, reason=reason)

    cursor = first.json()["nextCursor"]
    opened = await root.get("/api/v1/audit", actorId=me.id, limit=1, cursor=cursor, reason=reason)
    closed = await root.get("/api/v1/audit", actorId=me.id, limit=1, cursor=cursor)

    assert first.json()["items"][0]["fields"]["text"] == TEXT
    assert opened.json()["items"][0]["fields"]["title"] == "Plans"
    assert closed.json()["items"][0]["fields"]["title"] == "[withheld]"
    assert len(await until_read(sequenced, admin, reason, 2, recordId=root.id, operation="listAudit")) == 2


async def test_a_reason_of_any_role_but_root_is_403_and_leaves_no_entry(given):
    admin, somebody = await given.an_admin(), await given.an_account()

    responses = [await account.get("/api/v1/audit", reason="Curiosity") for account in (admin, somebody)]
    noted = await admin.get("/api/v1/audit", operation="listAudit", actorId=admin.id)

    assert [(response.status_code, response.json()["code"]) for response in responses] == [(403, "FORBIDDEN")] * 2
    assert noted.json()["items"] == []


def test_a_field_that_is_called_event_is_as_private_as_others():
    told = dict.fromkeys(AuditEntry.__annotations__)
    row = SimpleNamespace(**{snake_case(name): value for name, value in told.items()})
    row.at, row.fields = datetime.now(UTC), {"event": "a party", "count": 2}

    shown = {}
    for row.kind in ("updated", "event"):
        shown[row.kind] = serializers.entry(row, shown=False)["fields"]

    assert shown == {
        "updated": {"event": "[withheld]", "count": "[withheld]"},
        "event": {"event": "a party", "count": "[withheld]"},
    }


@pytest.mark.parametrize(("kind", "shown"), [("event", True), ("created", False), ("updated", False)])
def test_values_of_a_table_that_is_no_record_are_shown_of_events_only(kind, shown):
    entry = SimpleNamespace(table="private_notes", record_id="1", kind=kind)

    assert rules.shows(entry, set()) is shown
