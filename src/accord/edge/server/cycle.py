"""uvicorn's cycle of a request and its response, which leaves the end of the connection to the protocol."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class Cycle(RequestResponseCycle):
    """Takes the place of a cycle that uvicorn made; so it adds no state that `__init__` would have to make."""

    ends_connection = False
    """Whether the response is the last one of the connection."""

    async def send(self, message: Any) -> None:
        """Send as uvicorn does, with two differences.

        HTTP/1.0 has no chunks: a stream ends with its connection. And uvicorn closes a connection at once. While the
        client still sends, that resets the connection, and the client may lose the response.
        """
        if self.scope.get("http_version") == "1.0":
            self.chunked_encoding = False
            self.expected_content_length += len(message.get("body", b""))
        is_last = self.response_started and not message.get("more_body", False)
        if is_last and not self.keep_alive:
            self.ends_connection = self.keep_alive = True
        await super().send(message)
