"""The live socket from sign-in to change (L-1 to L-3)."""

from live_client import record_key


async def test_a_key_has_one_text_however_its_id_is_written(given, live):
    me = await given.an_account()
    socket = await live(me)

    await socket.send("subscribe", key=record_key(me).replace(me.id, me.id.upper()))
    begun = await socket.expect("subscribed")
    await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")

    assert begun["key"] == (await socket.expect("change"))["key"] == record_key(me)


async def test_a_change_of_a_record_reaches_its_followers(given, live):
    me = await given.an_account()
    socket = await live(me)

    begun = await socket.subscribe(record_key(me))
    saved = await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")

    change = await socket.expect("change")
    assert (begun["outcome"], begun["version"]) == ("live", 1)
    assert saved.json()["version"] == change["version"] == 2
    assert (change["key"], change["kind"]) == (record_key(me), "updated")
    assert change["position"] > begun["position"]


async def test_after_a_cut_what_was_missed_is_replayed_in_order(given, live):
    me = await given.an_account()
    first, witness = await live(me), await live(me)
    for socket in (first, witness):
        await socket.subscribe(record_key(me))
    await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")
    seen = await first.expect("change")
    first.connection.transport.abort()

    for version in (2, 3):
        await me.patch("/api/v1/me", expectedVersion=version, firstName=f"Grace {version}")
    while (await witness.expect("change"))["version"] != 4:
        pass
    second = await live(me)
    begun = await second.subscribe(record_key(me), after=seen["cursor"])
    missed = [await second.expect("change") for _ in range(2)]
    await me.patch("/api/v1/me", expectedVersion=4, firstName="Now")
    now = await second.expect("change")

    assert (begun["outcome"], begun["version"]) == ("replayed", 4)
    assert [change["version"] for change in missed] == [3, 4]
    assert seen["position"] < missed[0]["position"] < missed[1]["position"] <= begun["position"] < now["position"]
    assert now["version"] == 5
