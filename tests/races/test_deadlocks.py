"""Whoever loses a deadlock is not told so: nothing was changed for them, and it is done again."""

import asyncio
from uuid import uuid4

import psycopg

LOCK = "SELECT 1 FROM conversations WHERE id = %s FOR UPDATE"


async def begun(me):
    return (await me.post("/api/v1/conversations", title="Plans", memberIds=[])).json()["id"]


async def rename_all(me, ids):
    operations = [{"op": "set", "table": "conversations", "id": i, "path": "title", "value": "Done"} for i in ids]
    return await me.post("/api/v1/transactions", transactionId=str(uuid4()), operations=operations)


async def test_who_loses_a_deadlock_is_answered_as_if_there_had_been_none(given, service):
    me = await given.an_account()
    first, second = sorted([await begun(me), await begun(me)])

    async with await psycopg.AsyncConnection.connect(service.database_url) as other:
        await other.execute(LOCK, [second])
        request = asyncio.create_task(rename_all(me, [first, second]))
        await given.lock_waiters(1)
        # The request began to wait first, so it is the one that PostgreSQL ends.
        await other.execute(LOCK, [first])
        await other.commit()
        answer = await request

    assert answer.status_code == 200
    assert {record["version"] for record in answer.json()["records"]["conversations"].values()} == {2}
    versions = await given.sql("SELECT record_version FROM journal WHERE record_id = %s ORDER BY id", first)
    assert versions == [(1,), (2,)]
