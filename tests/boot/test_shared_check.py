"""Probes that anybody may send cost one look for all who ask at once."""

import asyncio

from accord.boot.shared_check import FRESH_FOR, SharedCheck


async def test_callers_at_once_or_shortly_after_share_one_check(until):
    looks = []

    async def look() -> str | None:
        looks.append(None)
        await asyncio.sleep(0.01)
        return "missing" if len(looks) == 1 else None

    shared_check = SharedCheck(look)

    assert await asyncio.gather(*(shared_check() for _ in range(50))) == ["missing"] * 50
    assert len(looks) == 1
    assert await until(shared_check, lambda seen: seen is None) is None
    assert len(looks) >= 2
    assert FRESH_FOR < 1


async def test_a_cancelled_caller_does_not_end_the_check_of_others():
    begun = asyncio.Event()

    async def look() -> str | None:
        begun.set()
        await asyncio.sleep(0.05)
        return "seen"

    shared_check = SharedCheck(look)
    first, second = asyncio.create_task(shared_check()), asyncio.create_task(shared_check())
    await begun.wait()
    first.cancel()

    assert await second == "seen"
