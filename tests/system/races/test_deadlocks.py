"""Whoever loses a deadlock is not told so: nothing was changed for them, and it is done again."""

import asyncio
from uuid import uuid4

import psycopg

LOCK = "SELECT 1 FROM accord.conversations WHERE id = %s FOR UPDATE"


async def begun(me):
    return (await me.post("/api/v1/conversations", title="Plans", memberIds=[])).json()["id"]


async def rename_all(me, ids, title):
    operations = [{"op": "set", "table": "conversations", "id": i, "path": "title", "value": title} for i in ids]
    return await me.post("/api/v1/transactions", transactionId=str(uuid4()), operations=operations)


async def in_a_ring(given, url, request, ids):
    """Let a request and another transaction wait for each other; return the response, and whether the request lost."""
    first, second = ids
    async with await psycopg.AsyncConnection.connect(url) as other:
        await other.execute(LOCK, [second])
        running = asyncio.create_task(request)
        await given.lock_waiters(1)
        try:
            # The request began to wait first, so it is the one that PostgreSQL ends, if this comes within a second.
            await other.execute(LOCK, [first])
        except psycopg.errors.DeadlockDetected:
            await other.rollback()
            return await running, False
        await other.commit()
        return await running, True


async def test_the_loser_of_a_deadlock_gets_a_normal_response(given, service):
    me = await given.an_account()
    ids = sorted([await begun(me), await begun(me)])

    version, lost = 1, False
    while not lost:
        response, lost = await in_a_ring(given, service.database_url, rename_all(me, ids, f"Title {version}"), ids)
        version += 1
        assert response.status_code == 200
        assert {record["version"] for record in response.json()["records"]["conversations"].values()} == {version}

    versions = await given.sql("SELECT record_version FROM accord.journal WHERE record_id = %s ORDER BY id", ids[0])
    assert [row[0] for row in versions] == list(range(1, version + 1))
