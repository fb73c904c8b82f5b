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
                response = await account.get(path, **query)
                assert response.status_code == 200, response.text
                if len(response.json()["items"]) >= count:
                    return response.json()["items"]
                await asyncio.sleep(0.02)

    return ask
