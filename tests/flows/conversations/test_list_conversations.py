async def test_my_conversations_are_listed_last_joined_first(given, begun):
    me, you = await given.an_account(), await given.an_account()
    mine = [await begun(me, title=f"C{number}") for number in range(3)]
    ours = await begun(you, me, title="Ours")
    await begun(you, title="Yours")

    response = await me.get("/api/v1/conversations")

    assert response.json() == {"items": [ours, *reversed(mine)], "nextCursor": None}
    assert "link" not in response.headers


async def test_every_conversation_is_on_one_page(given, begun):
    me = await given.an_account()
    begun_ids = [(await begun(me, title=f"C{number}"))["id"] for number in range(7)]

    pages = [(await me.get("/api/v1/conversations", limit=3)).json()]
    while pages[-1]["nextCursor"]:
        pages.append((await me.get("/api/v1/conversations", limit=3, cursor=pages[-1]["nextCursor"])).json())

    assert [len(page["items"]) for page in pages] == [3, 3, 1]
    assert [c["id"] for page in pages for c in page["items"]] == begun_ids[::-1]


async def test_a_conversation_that_was_left_or_deleted_is_not_listed(given, begun):
    me, you = await given.an_account(), await given.an_account()
    left, deleted, kept = [await begun(you, me, title=title) for title in ("Left", "Deleted", "Kept")]

    await me.delete(f"/api/v1/conversations/{left['id']}/members/{me.id}", expectedVersion=1)
    await you.delete(f"/api/v1/conversations/{deleted['id']}", expectedVersion=1)

    assert (await me.get("/api/v1/conversations")).json()["items"] == [kept]
