"""Conversations of a test's own."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from given import Account

Begin = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def begun() -> Begin:
    """Begin a conversation of the first account with the others: `await begun(me, you, title="…")`."""

    async def begin(me: Account, *others: Account, **fields: Any) -> dict[str, Any]:
        body = {"title": "Plans", "memberIds": [other.id for other in others], **fields}
        response = await me.post("/api/v1/conversations", **body)
        assert response.status_code == 201, response.text
        return response.json()

    return begin


@pytest.fixture
def said() -> Begin:
    """Say something in a conversation: `await said(me, conversation, "…")`."""

    async def say(me: Account, conversation: dict[str, Any], text: str = "Hello") -> dict[str, Any]:
        response = await me.post(f"/api/v1/conversations/{conversation['id']}/messages", text=text)
        assert response.status_code == 201, response.text
        return response.json()

    return say
