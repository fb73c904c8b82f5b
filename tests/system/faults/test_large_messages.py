"""What is larger than NATS takes is done and told whole."""

from uuid import uuid4

import pytest
from system.faults.deployment import TRANSPORT, SmallNats

pytestmark = pytest.mark.skipif(TRANSPORT != "nats", reason="is about gateways and workers")
LONGEST = 10_000
"""Characters of a message at most."""


async def test_a_large_transaction_and_the_query_of_its_records_are_told_whole(given):
    me = await given.an_account()
    talk = (await me.post("/api/v1/conversations", title="Plans")).json()["id"]
    ids = [str(uuid4()) for _ in range(300)]

    for some in (ids[:100], ids[100:200], ids[200:]):
        records = [{"conversationId": talk, "text": "é" * (LONGEST // 3)} for _ in some]
        operations = [
            {"op": "create", "table": "messages", "id": one, "record": record}
            for one, record in zip(some, records, strict=True)
        ]
        response = await me.post("/api/v1/transactions", transactionId=str(uuid4()), operations=operations)
        assert (response.status_code, len(response.content) > SmallNats.max_payload) == (200, True), response.text[:300]
        assert len(response.json()["records"]["messages"]) == len(some)
    asked = await me.post("/api/v1/records/query", pointers=[{"table": "messages", "id": one} for one in ids])

    assert asked.status_code == 200, asked.text[:300]
    assert len(asked.content) > 2_000_000
