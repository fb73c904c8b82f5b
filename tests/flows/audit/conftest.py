import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

Items = list[dict[str, Any]]


@pytest.fixture
def sequenced() -> Callable[..., Awaitable[Items]]:
    """Ask again until there are so many entries: each gets its position moments after its commit."""

    async def ask(account: Any, count: int, path: str = "/api/v1/audit", **query: Any) -> Items:
        async with asyncio.timeout(30):
            while True:
                answer = await account.get(path, **query)
                assert answer.status_code == 200, answer.text
                if len(answer.json()["items"]) >= count:
                    return answer.json()["items"]
                await asyncio.sleep(0.02)

    return ask
