"""A TCP proxy before the service that cuts connections where a test wants them cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class CuttingProxy:
    """Hands bytes on in both directions, and counts the requests by their first line."""

    def __init__(self, target: str) -> None:
        where = urlsplit(target)
        self._target = where.hostname, where.port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._frozen: set[asyncio.StreamWriter] = set()
        self._cuts: list[bytes] = []
        self.requests: list[str] = []
        self.connections = 0
        self.url = ""
        self._port = 0

    async def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def stop(self) -> None:
        """Refuse connections, and cut those that there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()
        await asyncio.sleep(0)

    def cut(self) -> None:
        """Cut every connection, as when the network goes."""
        for writer in list(self._open):
            writer.transport.abort()

    def freeze(self) -> None:
        """Lose whatever comes over the connections that there are, and keep them open."""
        self._frozen = set(self._open)

    def cut_response_of(self, request: str) -> None:
        """Let the next request that begins like this through, and cut the connection before its response."""
        self._cuts.append(request.encode())

    def count(self, request: str) -> int:
        """Return how many requests came that begin like this."""
        return sum(line.startswith(request) for line in self.requests)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            there, back = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        if self._server is None:  # It was stopped meanwhile.
            writer.transport.abort()
            back.transport.abort()
            return
        self._open |= {writer, back}
        responses = asyncio.create_task(self._hand_back(there, writer))
        try:
            await self._hand_on(reader, back, writer, there, responses)
        finally:
            responses.cancel()
            for each in (writer, back):
                self._open.discard(each)
                each.transport.abort()

    async def _hand_on(self, reader, back, writer, there, responses) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if writer in self._frozen:
                    continue
                line = data.split(b"\r\n", 1)[0]
                if b" HTTP/1.1" in line:
                    self.requests.append(line.decode("latin-1"))
                cut = next((start for start in self._cuts if line.startswith(start)), None)
                if cut is not None:
                    self._cuts.remove(cut)
                    responses.cancel()
                    with suppress(asyncio.CancelledError):
                        await responses
                back.write(data)
                await back.drain()
                if cut is not None:
                    rest = asyncio.create_task(self._hand_on_the_rest(reader, back))
                    await there.read(1)  # The service has answered, so it has done it; the client never hears of it.
                    rest.cancel()
                    writer.transport.abort()
                    return

    async def _hand_on_the_rest(self, reader, back) -> None:
        """Hand on what of a request comes later than its head."""
        with suppress(OSError):
            while data := await reader.read(65536):
                back.write(data)

    async def _hand_back(self, there, writer) -> None:
        with suppress(OSError):
            while data := await there.read(65536):
                if writer in self._frozen:
                    continue
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def cutting_proxy(target: str) -> AsyncIterator[CuttingProxy]:
    proxy = CuttingProxy(target)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
