"""uvicorn's cycle of a request and its response; the protocol, not the cycle, ends the connection."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class Cycle(RequestResponseCycle):
    """The class of the cycles that uvicorn made: `__init__` is not run again, so this class adds no state."""

    ends_connection = False
    """Whether the response is the last one of the connection."""

    async def send(self, message: Any) -> None:
        """Send as uvicorn does, with two differences.

        HTTP/1.0 has no chunks: a stream ends with its connection. uvicorn closes a connection at once after its last
        response; while the client still sends, that resets the connection, and the client may lose the response.
        """
        if self.scope.get("http_version") == "1.0":
            self.chunked_encoding = False
            self.expected_content_length += len(message.get("body", b""))
        is_last = self.response_started and not message.get("more_body", False)
        if is_last and not self.keep_alive:
            self.ends_connection = self.keep_alive = True
        await super().send(message)
