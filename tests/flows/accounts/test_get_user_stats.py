import pytest


@pytest.mark.parametrize(("age", "days"), [("1 hour", 0), ("25 hours", 1), ("720 hours", 30)])
async def test_counts_what_the_account_has_and_the_full_days_since_it_joined(given, age, days):
    me = await given.an_account()
    await given.sql("UPDATE accord.users SET created_at = created_at - %s::interval WHERE id = %s", age, me.id)

    response = await me.get(f"/api/v1/users/{me.id}/stats")

    stats = response.json()
    assert response.status_code == 200
    assert (stats["user"]["id"], stats["joinedDaysAgo"]) == (me.id, days)
    assert (stats["postCount"], stats["conversationCount"]) == (0, 0)


async def test_conversations_are_counted_while_one_is_a_member(given):
    me, you = await given.an_account(), await given.an_account()
    for _ in range(2):
        left = await you.post("/api/v1/conversations", title="Plans", memberIds=[me.id])
    await me.delete(f"/api/v1/conversations/{left.json()['id']}/members/{me.id}", expectedVersion=1)

    responses = [await who.get(f"/api/v1/users/{who.id}/stats") for who in (me, you)]

    assert [response.json()["conversationCount"] for response in responses] == [1, 2]


async def test_an_administrator_sees_everybodys(given):
    admin, somebody = await given.an_admin(), await given.an_account()

    response = await admin.get(f"/api/v1/users/{somebody.id}/stats")

    assert (response.status_code, response.json()["user"]) == (200, somebody.user)


async def test_statistics_of_another_person_are_not_found(given):
    me, other = await given.an_account(), await given.an_account()

    response = await me.get(f"/api/v1/users/{other.id}/stats")

    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")
