import hashlib
import os
from asyncio import gather

from given import details


async def test_two_parallel_setups_with_one_token_make_one_root(given):
    token = os.urandom(32).hex()
    clients = [await given.somebody() for _ in range(4)]
    await given.sql(
        "INSERT INTO accord.setup_tokens (token_hash, created_at) VALUES (%s, now())",
        hashlib.sha256(token.encode()).digest(),
    )

    responses = await gather(*(client.post("/api/v1/setup", json=details(setupToken=token)) for client in clients))

    made = [response.json()["id"] for response in responses if response.status_code == 201]
    await given.sql("UPDATE accord.users SET deleted_at = now() WHERE id = ANY(%s)", made)
    assert sorted(response.status_code for response in responses) == [201, 401, 401, 401]
