import pytest


async def all_pages(me, path, limit):
    pages = [(await me.get(path, limit=limit)).json()]
    while pages[-1]["nextCursor"]:
        pages.append((await me.get(path, limit=limit, cursor=pages[-1]["nextCursor"])).json())
    return pages


async def test_messages_are_listed_newest_first(given, begun, said):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)
    messages = [await said(who, conversation, f"Message {n}") for n, who in enumerate((me, you, me, you, me))]
    path = f"/api/v1/conversations/{conversation['id']}/messages"

    pages = await all_pages(you, path, 2)

    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    assert [message for page in pages for message in page["items"]] == messages[::-1]


async def test_the_link_leads_to_the_next_page_and_keeps_the_limit(given, begun, said):
    me = await given.an_account()
    conversation = await begun(me)
    first, second = [await said(me, conversation, text) for text in ("First", "Second")]

    response = await me.get(f"/api/v1/conversations/{conversation['id']}/messages", limit=1)

    assert response.json()["items"] == [second]
    link = response.headers["link"]
    assert link.endswith('>; rel="next"')
    following = await me.http.get(link[1 : link.index(">")])
    assert following.json() == {"items": [first], "nextCursor": None}
    assert "link" not in following.headers


async def test_messages_added_or_deleted_between_pages_neither_repeat_nor_hide_others(given, begun, said):
    me = await given.an_account()
    conversation = await begun(me)
    path = f"/api/v1/conversations/{conversation['id']}/messages"
    messages = [await said(me, conversation, f"Message {n}") for n in range(6)]
    first = (await me.get(path, limit=2)).json()

    await said(me, conversation, "Newer")
    await me.delete(f"/api/v1/messages/{messages[4]['id']}", expectedVersion=1)
    await me.delete(f"/api/v1/messages/{messages[3]['id']}", expectedVersion=1)
    second = (await me.get(path, limit=2, cursor=first["nextCursor"])).json()

    assert first["items"] == [messages[5], messages[4]]
    assert second["items"] == [messages[2], messages[1]]


async def test_a_cursor_is_opaque_and_signed(given, begun, said):
    me = await given.an_account()
    conversation = await begun(me)
    for _ in range(2):
        await said(me, conversation)
    path = f"/api/v1/conversations/{conversation['id']}/messages"
    cursor = (await me.get(path, limit=1)).json()["nextCursor"]

    altered = [cursor[:-1] + ("A" if cursor[-1] != "A" else "B"), "x" + cursor[1:], cursor.partition(".")[0], "."]
    responses = [await me.get(path, cursor=text) for text in altered]

    assert [(response.status_code, response.json()["errors"][0]["field"]) for response in responses] == [
        (400, "cursor")
    ] * 4


async def test_a_cursor_belongs_to_its_list_and_its_caller(given, begun, said):
    me, you = await given.an_account(), await given.an_account()
    one, other = await begun(me, you), await begun(me, you)
    for conversation in (one, one, other, other):
        await said(me, conversation)
    path = "/api/v1/conversations/{}/messages".format
    cursor = (await me.get(path(one["id"]), limit=1)).json()["nextCursor"]

    another_list = await me.get(path(other["id"]), cursor=cursor)
    another_operation = await me.get("/api/v1/conversations", cursor=cursor)
    another_caller = await you.get(path(one["id"]), cursor=cursor)
    same = await me.get(path(one["id"].upper()), cursor=cursor)

    refused = (another_list, another_operation, another_caller)
    assert [(a.status_code, a.json()["errors"][0]["field"]) for a in refused] == [(400, "cursor")] * 3
    assert same.status_code == 200


async def test_strangers_get_404(given, begun):
    me, stranger = await given.an_account(), await given.an_account()
    conversation = await begun(me)

    assert (await stranger.get(f"/api/v1/conversations/{conversation['id']}/messages")).status_code == 404


@pytest.mark.parametrize("page", [1, 60])
async def test_a_page_far_behind_costs_what_the_first_does(given, begun, page):
    me = await given.an_account()
    conversation = await begun(me)
    await given.sql(
        "INSERT INTO accord.messages (id, conversation_id, author_id, text, created_at, updated_at)"
        " SELECT gen_random_uuid(), %s, %s, 'x', now() - n * interval '1 second', now()"
        " FROM generate_series(1, 6500) n",
        conversation["id"],
        me.id,
    )
    await given.sql("ANALYZE accord.messages")  # or the plan depends on whether PostgreSQL has come to it by itself
    [(at, last)] = await given.sql(
        "SELECT created_at, id FROM accord.messages WHERE conversation_id = %s ORDER BY created_at DESC, id DESC"
        " OFFSET %s LIMIT 1",
        conversation["id"],
        page * 100,
    )

    plan = await given.sql(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON, TIMING OFF) SELECT * FROM accord.messages"
        " WHERE conversation_id = %s AND deleted_at IS NULL AND (created_at, id) < (%s, %s)"
        " ORDER BY created_at DESC, id DESC LIMIT 21",
        conversation["id"],
        at,
        last,
    )

    top = plan[0][0][0]["Plan"]
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] <= 60
