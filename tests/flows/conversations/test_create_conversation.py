from uuid import uuid4


async def test_a_new_conversation_has_its_creator_and_the_named_members(given):
    me, you = await given.an_account(), await given.an_account()

    response = await me.post("/api/v1/conversations", title="Plans", tags=["work"], memberIds=[you.id, me.id])

    created = response.json()
    assert (response.status_code, response.headers["etag"]) == (201, '"1"')
    assert (created["title"], created["tags"], created["version"]) == ("Plans", ["work"], 1)
    assert (created["createdBy"], created["memberIds"]) == (me.id, [me.id, you.id])
    for member in (me, you):
        assert (await member.get(f"/api/v1/conversations/{created['id']}")).json() == created


async def test_the_lists_of_all_members_are_announced(given):
    me, you = await given.an_account(), await given.an_account()

    response = await me.post("/api/v1/conversations", title="Plans", memberIds=[you.id])

    [entry] = await given.entries(response)
    assert (entry["record_table"], entry["record_id"], entry["kind"]) == (
        "conversations",
        response.json()["id"],
        "created",
    )
    keys = await given.sql(
        "SELECT list_keys FROM accord.journal WHERE request_id = %s", response.headers["x-request-id"]
    )
    assert keys == [([f"getList:{member.id}:conversations" for member in (me, you)],)]


async def test_an_unknown_account_cannot_be_a_member(given):
    me = await given.an_account()

    response = await me.post("/api/v1/conversations", title="Plans", memberIds=[str(uuid4())])

    assert (response.status_code, response.json()["code"]) == (422, "BUSINESS_RULE_VIOLATION")
    assert response.json()["errors"][0]["field"] == "memberIds"
    assert (await me.get("/api/v1/conversations")).json()["items"] == []
