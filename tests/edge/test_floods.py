"""I-8: who sends without pause gets one turn after another, and so does everybody else."""

import asyncio
import time
from contextlib import suppress

import httpx
import pytest
from raw_http import HANDSHAKE, connected, request

MASKED = bytes(4)
CHUNKS = request("POST", "/api/v1/meta/echo", [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")])
FLOODS = {
    "frames before signing in": (HANDSHAKE, b"\x81\x8f" + MASKED + b'{"type":"ping"}'),
    "empty frames": (HANDSHAKE, b"\x81\x80" + MASKED),
    "pings": (HANDSHAKE, b"\x89\x80" + MASKED),
    "chunks of a byte": (CHUNKS, b"1\r\n \r\n"),
    "chunks of ends": (CHUNKS, b"4\r\n\r\n\r\n\r\n"),
}


@pytest.mark.parametrize("what", FLOODS)
async def test_a_client_that_sends_without_pause_does_not_stop_others(service, what):
    first, again = FLOODS[what]
    floods = [asyncio.create_task(sent_for(1.5, service.url, first, again * 5000)) for _ in range(2)]
    await asyncio.sleep(0.2)

    async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
        waits = [await wait_for_livez(http) for _ in range(20)]
    await asyncio.gather(*floods)

    # While a connection kept its turn for as long as more came, each response took as long as the flood; those that
    # take long here wait for this machine, which has other tests to run. This process sends the flood, too, so that it
    # is slower than an attacker's: how much is done in one turn is counted in `test_turns.py`.
    assert sorted(waits)[5] < 0.25, waits


async def sent_for(seconds: float, url: str, first: bytes, again: bytes) -> None:
    """Send for so long, on a new connection whenever the service ends one, and throw away what is answered."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                with suppress(OSError, asyncio.IncompleteReadError):
                    async with connected(url) as connection:
                        await (await connection.send(first)).discarded_while_sending(again)


async def wait_for_livez(http: httpx.AsyncClient) -> float:
    started = time.monotonic()
    assert (await http.get("/livez")).status_code == 200
    return time.monotonic() - started
