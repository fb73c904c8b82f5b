"""The changes of one follower: each once and in order, whatever the service repeats."""

from accord_client import Changes, Resync, models


async def test_a_gateway_that_is_behind_tells_nothing_twice():
    changes = Changes(["key"], after=cursor_at(5))

    changes.subscribed("key", cursor_at(3), "live")
    for position in (4, 5, 6):
        changes.offer(a_change(position))

    assert [news.position for news in await everything(changes)] == [6]


async def test_after_a_resync_positions_and_versions_may_be_lower():
    changes = Changes(["key"], after=cursor_at(5))
    changes.subscribed("key", cursor_at(10), "replayed")
    changes.offer(a_change(9, version=3))
    changes.disconnected("key")

    changes.subscribed("key", cursor_at(7), "resync_required")
    changes.offer(a_change(8, version=3))

    before, resync, after = await everything(changes)
    assert (before.position, resync, after.position) == (9, Resync("key", 7, cursor_at(7)), 8)


async def test_changes_replayed_for_one_follower_do_not_advance_a_pending_one():
    changes = Changes(["key"], after=cursor_at(5))

    changes.offer(a_change(8))
    changes.subscribed("key", cursor_at(9), "replayed")
    changes.offer(a_change(6))

    assert [news.position for news in await everything(changes)] == [6]


async def test_a_follower_that_reads_too_slowly_is_told_to_read_again():
    changes = Changes(["key"], after=cursor_at(0), max_waiting=3)
    changes.subscribed("key", cursor_at(0), "live")

    for position in range(1, 6):
        changes.offer(a_change(position))

    assert [(type(news), news.position) for news in await everything(changes)] == [(Resync, 4), (models.Change, 5)]


async def everything(changes):
    """Return what the follower still has to read."""
    changes.close()
    return [news async for news in changes]


def cursor_at(position):
    return f"{position}.9f3a2b1c"


def a_change(position, version=1):
    return models.Change.from_dict(
        {
            "key": "key",
            "position": position,
            "cursor": cursor_at(position),
            "version": version,
            "kind": "updated",
            "at": "2026-01-31T09:30:00.000000Z",
        }
    )
