"""A process that stops tells those who follow, so that they go on elsewhere (O-7)."""

import asyncio
import signal

from live_client import caught_up, open_socket, open_stream, record_key

from accord.database.database import Database
from accord.journal.tail import JournalTail
from accord.live.hub import Hub
from accord.live.sockets import Sockets


async def test_sockets_and_streams_are_told_and_the_process_ends(given, service):
    program = service.run("server-3", "gateway" if service.transport == "nats" else "serve", "--port", "0")
    url = program.wait_for(r"listens on (\S+)")
    me = await given.an_account()
    me.http.base_url = url

    async with open_socket(url) as socket:
        await socket.authenticate(me.tokens["accessToken"])
        await caught_up(me, socket)
        await socket.subscribe(record_key(me))
        async with open_stream(me, record_key(me)) as stream:
            await stream.expect("subscribed")
            program.process.send_signal(signal.SIGTERM)

            assert (await stream.expect("closing"))["code"] == 1012
            assert await socket.closed() == 1012
    assert program.process.wait(60) == 0, program.output()


async def test_a_socket_that_is_accepted_while_the_process_stops_is_told(service):
    database = Database(service.database_url, 1)
    hub, sent = Hub(JournalTail(database.background, lambda: False)), asyncio.Queue()

    async def receive() -> dict[str, str]:
        hub.shut_down()  # In the turn in which the socket was accepted, before a frame was sent.
        return await asyncio.Event().wait()

    serving = asyncio.create_task(Sockets(hub, None, None)(receive, sent.put, None))

    assert (await sent.get())["type"] == "websocket.accept"
    message = await asyncio.wait_for(sent.get(), 60)
    assert (message["type"], message["code"]) == ("websocket.close", 1012)
    serving.cancel()
