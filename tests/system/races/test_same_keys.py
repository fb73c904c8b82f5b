from asyncio import gather

import pytest
from given import details

PARALLEL = 50


async def test_50_parallel_posts_with_one_key_have_one_effect(given):
    me = await given.an_account()
    key = {"Idempotency-Key": "the-same-for-all"}

    async def post():
        return await me.post("/api/v1/conversations", key, title="Plans")

    responses = await gather(*(post() for _ in range(PARALLEL)))

    assert {response.status_code for response in responses} <= {201, 409}
    assert {response.json().get("code") for response in responses} <= {None, "IDEMPOTENCY_IN_PROGRESS"}
    [made] = {response.content for response in responses if response.status_code == 201}
    assert (await post()).content == made
    assert len((await me.get("/api/v1/conversations")).json()["items"]) == 1
    entries = [entry for response in responses for entry in await given.entries(response)]
    assert len(entries) == 1


@pytest.mark.parametrize("_round", range(2))
async def test_a_registration_that_is_repeated_while_it_runs_makes_one_account(given, _round):
    somebody, body = await given.somebody(), details()
    key = {"Idempotency-Key": f"registration of {body['email']}".replace(" ", "-")}

    responses = await gather(*(somebody.post("/api/v1/auth/register", json=body, headers=key) for _ in range(3)))

    assert {response.status_code for response in responses} <= {201, 409}
    assert {response.json().get("code") for response in responses} <= {None, "IDEMPOTENCY_IN_PROGRESS"}
    assert await given.sql("SELECT count(*) FROM accord.users WHERE email = %s", body["email"]) == [(1,)]
