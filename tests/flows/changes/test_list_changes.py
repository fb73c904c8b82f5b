import pytest
from given import Account
from live_client import record_key


async def changes_of(me: Account, after: str | None = None, **query) -> dict:
    after_it = {} if after is None else {"after": after}
    response = await me.get("/api/v1/changes", keys=record_key(me), **after_it, **query)
    assert response.status_code == 200, response.text
    return response.json()


async def test_without_a_position_it_says_where_to_begin(announced):
    me = await announced()

    begun = await changes_of(me)

    assert begun["items"] == []
    assert begun["cursor"].startswith(f"{begun['position']}.")


async def test_returns_the_changes_since_the_cursor_and_the_next_cursor(announced, until):
    me = await announced()
    begun = await changes_of(me)
    await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")

    page = await until(lambda: changes_of(me, begun["cursor"]), lambda page: page["items"])

    [change] = page["items"]
    assert (change["key"], change["version"], change["kind"]) == (record_key(me), 2, "updated")
    assert begun["position"] < change["position"] <= page["position"]
    assert (await changes_of(me, page["cursor"]))["items"] == []


async def test_a_page_ends_where_the_next_one_begins(announced, until):
    me = await announced()
    begun = await changes_of(me)
    for version in (1, 2, 3):
        await me.patch("/api/v1/me", expectedVersion=version, firstName="Grace")
    await until(lambda: changes_of(me, begun["cursor"]), lambda page: len(page["items"]) == 3)

    first = await changes_of(me, begun["cursor"], limit=2)
    second = await changes_of(me, first["cursor"], limit=2)

    assert [change["version"] for change in first["items"] + second["items"]] == [2, 3, 4]


async def test_an_impossible_position_asks_for_a_reload(given):
    me = await given.an_account()

    response = await me.get("/api/v1/changes", keys=record_key(me), after="9000000000.00000000")

    assert (response.status_code, response.json()["code"]) == (410, "RESYNC_REQUIRED")


@pytest.mark.parametrize(
    "key",
    [
        "getRecord:users:{other}",
        "getRecord:users:01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f",
        "getRecord:sessions:{me}",
        "getRecord:users:nobody",
        "getList:{other}:conversations",
        "getList:{me}:nonsense",
    ],
)
async def test_a_key_the_caller_may_not_read_is_like_a_missing_one(given, key):
    me, other = await given.an_account(), await given.an_account()

    response = await me.get("/api/v1/changes", keys=key.format(me=me.id, other=other.id))

    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")


async def test_a_key_twice_is_refused(given):
    me = await given.an_account()

    response = await me.get("/api/v1/changes", keys=f"{record_key(me)},{record_key(me)}")

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "keys")


async def test_an_administrator_follows_the_account_of_another(given):
    admin, other = await given.an_admin(), await given.an_account()

    response = await admin.get("/api/v1/changes", keys=record_key(other))

    assert response.status_code == 200
