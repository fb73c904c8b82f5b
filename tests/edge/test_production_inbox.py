"""Production sends its mails: it has no inbox, neither as an operation nor as a page."""

import httpx
from checked_client import client


async def test_production_has_no_inbox(production):
    async with client(production.url) as http:
        responses = [
            await http.get("/api/v1/dev/inbox"),
            await http.delete("/api/v1/dev/inbox"),
            await http.get("/docs/inbox"),
            await http.get("/docs/inbox.js"),
        ]

    assert [response.status_code for response in responses] == [httpx.codes.NOT_FOUND] * 4
