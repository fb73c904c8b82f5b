from uuid import uuid4

import pytest


async def test_returns_the_callers_own_account(given):
    me = await given.an_account(version=4)

    response = await me.get(f"/api/v1/users/{me.id}")

    assert (response.status_code, response.json(), response.headers["etag"]) == (200, me.user, '"4"')


async def test_an_id_is_the_same_in_capitals(given):
    me = await given.an_account()

    response = await me.get(f"/api/v1/users/{me.id.upper()}")

    assert (response.status_code, response.json()["id"]) == (200, me.id)


async def test_an_administrator_reads_every_account(given):
    admin, somebody = await given.an_admin(), await given.an_account()

    assert (await admin.get(f"/api/v1/users/{somebody.id}")).json() == somebody.user


async def test_another_persons_account_is_like_one_that_does_not_exist(given):
    me, other = await given.an_account(), await given.an_account()

    foreign, unknown, malformed = [
        await me.get(f"/api/v1/users/{user_id}") for user_id in (other.id, uuid4(), "not-an-id")
    ]

    assert [response.status_code for response in (foreign, unknown, malformed)] == [404, 404, 404]
    assert _without_request(foreign) == _without_request(unknown) == _without_request(malformed)


async def test_a_deleted_account_is_not_found(given):
    admin, somebody = await given.an_admin(), await given.an_account()
    await admin.delete(f"/api/v1/users/{somebody.id}", expectedVersion=1)

    assert (await admin.get(f"/api/v1/users/{somebody.id}")).status_code == 404


@pytest.mark.parametrize(("held", "status"), [('"1"', 304), ('"2"', 200)])
async def test_a_read_with_the_current_version_is_304(given, held, status):
    me = await given.an_account()

    response = await me.get(f"/api/v1/users/{me.id}", {"If-None-Match": held})

    assert response.status_code == status


def _without_request(response):
    return {name: value for name, value in response.json().items() if name not in {"instance", "requestId"}}
