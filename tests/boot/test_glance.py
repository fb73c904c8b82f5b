"""Probes that anybody may send cost one look for all who ask at once."""

import asyncio

from accord.boot.glance import FRESH_FOR, Glance


async def test_callers_at_once_or_shortly_after_share_one_check(until):
    looks = []

    async def look() -> str | None:
        looks.append(None)
        await asyncio.sleep(0.01)
        return "missing" if len(looks) == 1 else None

    glance = Glance(look)

    assert await asyncio.gather(*(glance() for _ in range(50))) == ["missing"] * 50
    assert len(looks) == 1
    assert await until(glance, lambda seen: seen is None) is None
    assert len(looks) >= 2
    assert FRESH_FOR < 1


async def test_a_cancelled_caller_does_not_end_the_check_of_others():
    begun = asyncio.Event()

    async def look() -> str | None:
        begun.set()
        await asyncio.sleep(0.05)
        return "seen"

    glance = Glance(look)
    first, second = asyncio.create_task(glance()), asyncio.create_task(glance())
    await begun.wait()
    first.cancel()

    assert await second == "seen"
