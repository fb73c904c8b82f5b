"""Nothing is missed, whatever way one follows, wherever the write was handled (L-3, L-5, L-7)."""

import asyncio
import itertools

import httpx
from live_client import open_stream, record_key

from accord.journal.reading import WINDOW


async def test_an_impossible_position_asks_for_a_reload(given, live):
    me = await given.an_account()
    socket = await live(me)

    begun = await socket.subscribe(record_key(me), after="9000000000.00000000")
    await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")

    assert (begun["outcome"], begun["version"]) == ("resync_required", 1)
    assert (await socket.expect("change"))["position"] > begun["position"]


async def test_a_follower_that_missed_nothing_goes_on(given, live):
    me = await given.an_account()
    before = await (await live(me)).subscribe(record_key(me))
    await (await given.an_account()).patch("/api/v1/me", expectedVersion=1, firstName="Somebody else")

    again = await (await live(me)).subscribe(record_key(me), after=before["cursor"])

    assert again["outcome"] == "live"


async def test_a_position_far_behind_asks_for_a_reload(given, live):
    me = await given.an_account()
    start = await (await live(me)).subscribe(record_key(me))
    await given.sql(
        "INSERT INTO accord.journal (request_id, actor_kind, operation, record_table, record_id, kind, fields)"
        " SELECT 'crowd', 'system', 'crowd', 'crowd', gen_random_uuid(), 'event', '{}' FROM generate_series(1, %s)",
        WINDOW + 1,
    )

    begun = await (await live(me)).subscribe(record_key(me), after=start["cursor"])

    assert begun["position"] > start["position"] + WINDOW
    assert begun["outcome"] == "resync_required"


async def test_a_write_in_another_process_arrives(given, live, other_url):
    me = await given.an_account()
    here, elsewhere = await live(me), await live(me, other_url)
    await here.subscribe(record_key(me))
    await elsewhere.subscribe(record_key(me))

    await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")
    await me.http.patch(f"{other_url}/api/v1/me", json={"expectedVersion": 2, "firstName": "Augusta"})

    seen = [[(await socket.expect("change"))["version"] for _ in range(2)] for socket in (here, elsewhere)]
    assert seen == [[2, 3], [2, 3]]


async def test_no_change_is_lost_between_subscribing_and_receiving(given, live):
    """One writes without pause, the other comes and goes: every version arrives, each once."""
    me = await given.an_account()
    socket, witness = await live(me), await live(me)
    seen: dict[int, int] = {}
    begun = await socket.subscribe(record_key(me))
    position, cursor = begun["position"], begun["cursor"]
    await witness.subscribe(record_key(me))
    writing = asyncio.create_task(write(me, 150))

    outcomes = set()
    for number in itertools.count():
        if 151 in seen.values():
            break
        # Signing in again and again would be limited; subscribing anew goes the same way.
        await socket.send("unsubscribe", key=record_key(me))
        if number % 4 == 0:
            await until_it_missed_something(witness, position)
        await socket.send("subscribe", key=record_key(me), after=cursor)
        while (frame := await socket.next())["type"] != "subscribed":
            if frame["position"] > position:
                position, cursor = frame["position"], frame["cursor"]
            seen[frame["position"]] = frame["version"]
        outcomes.add(frame["outcome"])
        if frame["outcome"] == "replayed":
            change = await socket.expect("change")
            assert change["position"] > position or change["position"] in seen
            seen[change["position"]] = change["version"]
            if change["position"] > position:
                position, cursor = change["position"], change["cursor"]
    await writing

    assert list(seen.values()) == list(range(2, 152))
    assert sorted(seen) == list(seen)
    assert "replayed" in outcomes


async def until_it_missed_something(witness, position: int) -> None:
    """Wait until the process has delivered a change after this position to somebody else."""
    while (await witness.expect("change"))["position"] <= position:
        pass


async def write(me, times: int) -> None:
    for version in range(1, times + 1):
        saved = await me.patch("/api/v1/me", expectedVersion=version, firstName=f"Grace {version}")
        assert saved.status_code == 200, saved.text


async def test_socket_events_and_pages_give_the_same_changes(given, live, until):
    root, people = await given.root(), [await given.an_account() for _ in range(3)]
    keys = [record_key(person) for person in people]
    socket = await live(root)
    start = (await root.get("/api/v1/changes", keys=",".join(keys))).json()["cursor"]
    for key in keys:
        await socket.subscribe(key)

    async with open_stream(root, ",".join(keys)) as stream:
        for _ in keys:
            await stream.expect("subscribed")
        await asyncio.gather(*(write(person, 5) for person in people))
        by_socket = [await socket.expect("change") for _ in range(15)]
        by_event = [await stream.expect("change") for _ in range(15)]
    page = await until(
        lambda: root.get("/api/v1/changes", keys=",".join(keys), after=start),
        lambda response: len(response.json()["items"]) == 15,
    )
    by_page = [{"type": "change", **item} for item in page.json()["items"]]

    assert by_socket == by_event == by_page
    assert [change["position"] for change in by_page] == sorted({change["position"] for change in by_page})


async def test_live_connections_and_deliveries_are_measured(given, live, service):
    me = await given.an_account()
    socket = await live(me)
    await socket.subscribe(record_key(me))
    await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")
    await socket.expect("change")

    async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
        metrics = (await http.get("/metrics")).text

    assert 'accord_live_connections{kind="socket"}' in metrics
    assert "accord_live_deliveries_total" in metrics
