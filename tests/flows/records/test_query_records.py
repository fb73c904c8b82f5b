from uuid import uuid4

from accord.database.database import Database
from accord.flows.records.query_records import query_records


def pointers(*records):
    return [{"table": table, "id": record_id} for table, record_id in records]


async def talk(me, *others):
    body = {"title": "Plans", "memberIds": [other.id for other in others]}
    conversation = (await me.post("/api/v1/conversations", **body)).json()
    message = (await me.post(f"/api/v1/conversations/{conversation['id']}/messages", text="Hello")).json()
    return conversation, message


async def test_records_of_every_kind_are_as_their_own_operation_reads_them(given):
    me, you = await given.an_account(), await given.an_account()
    conversation, message = await talk(you, me)
    requested = pointers(("conversations", conversation["id"]), ("messages", message["id"]), ("users", me.id.upper()))

    response = await me.post("/api/v1/records/query", pointers=requested)

    assert response.status_code == 200
    assert response.json()["records"] == {
        "conversations": {conversation["id"]: conversation},
        "messages": {message["id"]: message},
        "users": {me.id: (await me.get("/api/v1/me")).json()},
    }


async def test_foreign_and_unknown_records_are_left_out_alike(given):
    me, stranger = await given.an_account(), await given.an_account()
    conversation, message = await talk(me)
    foreign = [("conversations", conversation["id"]), ("messages", message["id"]), ("users", me.id)]
    unknown = [(table, str(uuid4())) for table in ("conversations", "messages", "users", "sessions", "journal")]

    response = await stranger.post("/api/v1/records/query", pointers=pointers(*foreign, *unknown))

    assert (response.status_code, response.json()["records"]) == (200, {})


async def test_a_later_change_is_behind_the_position(given, sequenced):
    me = await given.an_account()
    conversation, _ = await talk(me)
    asked = await me.post("/api/v1/records/query", pointers=pointers(("conversations", conversation["id"])))

    changed = await me.patch(f"/api/v1/conversations/{conversation['id']}", expectedVersion=1, title="Later")

    [position] = await sequenced(changed.headers["x-request-id"])
    assert position > asked.json()["position"]


async def test_at_most_1000_records_are_read_at_once(given):
    me = await given.an_account()
    requested = pointers(*(("users", str(uuid4())) for _ in range(1001)))

    too_many = await me.post("/api/v1/records/query", pointers=requested)
    enough = await me.post("/api/v1/records/query", pointers=requested[:1000])
    nothing = await me.post("/api/v1/records/query", pointers=[])

    assert [response.status_code for response in (too_many, enough, nothing)] == [400, 200, 200]


class Counting(Database):
    statements = 0

    async def _run(self, statement, values):
        self.statements += 1
        return await super()._run(statement, values)


async def test_the_number_of_statements_depends_on_the_tables_alone(given, context_of):
    me = await given.an_account()
    talks = [await talk(me) for _ in range(5)]
    counts = []

    for number in (1, 5):
        database = Counting(given.service.database_url, 1)
        await database.open()
        some = [r for c, m in talks[:number] for r in (("conversations", c["id"]), ("messages", m["id"]))]
        context = context_of(database, "queryRecords", me)
        found = await query_records(context, {"pointers": pointers(*some)})
        await database.close()
        assert sum(len(records) for records in found["records"].values()) == 2 * number
        counts.append(database.statements)

    # One for each table, and one for the position.
    assert counts == [3, 3]
