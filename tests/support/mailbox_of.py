"""The mails of one address in the inbox of development."""

from typing import Any

import httpx


async def mails_to(http: httpx.AsyncClient, address: str, wait: int = 20, **query: Any) -> list[dict[str, Any]]:
    """Return the mails to this address, newest first, once there is one."""
    response = await http.get("/api/v1/dev/inbox", params={"to": address, "wait": wait, **query})
    assert response.status_code == 200, response.text
    return response.json()["items"]
