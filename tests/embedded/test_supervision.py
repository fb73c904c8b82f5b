import asyncio
import os
import signal
import time
from contextlib import asynccontextmanager

import pytest

from accord.embedded import supervise


@asynccontextmanager
async def supervising(*servers):
    task = asyncio.create_task(supervise(*servers))
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def seconds_until_replaced(server, killed: int) -> float:
    start = time.monotonic()
    async with asyncio.timeout(120):
        while server.pid == killed or not server.alive() or not server._responds():
            await asyncio.sleep(0.01)
    return time.monotonic() - start


async def test_a_killed_server_is_back_on_the_same_address_within_seconds(start, server_name, tmp_path):
    server = start(server_name, tmp_path)
    url, killed = server.url, server.pid

    async with supervising(server):
        os.kill(killed, signal.SIGKILL)
        away = await seconds_until_replaced(server, killed)

    assert away < 30  # it takes one when the machine has nothing else to do
    assert server.url == url


async def test_a_server_is_brought_back_again_and_again(start, server_name, tmp_path):
    server = start(server_name, tmp_path)

    async with supervising(server):
        for _ in range(3):
            killed = server.pid
            os.kill(killed, signal.SIGKILL)
            await seconds_until_replaced(server, killed)

    assert server.alive()


async def test_two_supervisors_on_one_folder_bring_back_one_server(start, server_name, tmp_path):
    servers = [start(server_name, tmp_path) for _ in range(2)]
    killed = servers[0].pid

    async with supervising(*servers):
        os.kill(killed, signal.SIGKILL)
        for server in servers:
            await seconds_until_replaced(server, killed)

    assert servers[0].pid == servers[1].pid


async def test_a_server_that_was_stopped_stays_down(start, server_name, tmp_path):
    server = start(server_name, tmp_path)
    server.stop()

    async with supervising(server):
        await asyncio.sleep(0.6)

    assert not server.alive()


async def test_a_server_that_cannot_start_is_tried_until_it_can(start, server_name, tmp_path, caplog):
    server = start(server_name, tmp_path)
    killed = server.pid
    folder = tmp_path / server_name
    hindrance = folder / "url.new"  # a folder where a file is to be written
    hindrance.mkdir()

    async with supervising(server):
        os.kill(killed, signal.SIGKILL)
        async with asyncio.timeout(120):
            while "cannot be started" not in caplog.text:
                await asyncio.sleep(0.02)
        hindrance.rmdir()
        await seconds_until_replaced(server, killed)

    assert server.alive()
