"""The end for connections whose client takes nothing of what is sent to it, whatever protocol it speaks (I-9)."""

import asyncio
import socket
import sys
from collections.abc import Collection
from typing import Any

UNREAD_FOR = 30.0
"""Seconds in which a client takes at least something."""
UNREAD_AT_STOP = 5.0
"""The same when the process is to end."""
_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)
_BYTES_ACKED = slice(120, 128)
"""Where Linux says in `struct tcp_info` how many bytes were acknowledged."""


class Unread:
    """Looks now and then at what waits to be sent; nothing is counted for each request."""

    def __init__(self, connections: Collection[Any]) -> None:
        """Take the connections, closing ones too."""
        self._connections = connections
        self._seen: dict[asyncio.Transport, tuple[int, float]] = {}

    def cut(self, after: float) -> None:
        """Cut the connections of which nothing was taken for so many seconds."""
        now, seen = asyncio.get_running_loop().time(), {}
        for connection in tuple(self._connections):
            transport = connection.transport
            if transport.get_write_buffer_size():
                taken = _taken(transport)
                before, since = self._seen.get(transport, (taken, now))
                if taken != before:
                    since = now
                if now - since >= after:
                    transport.abort()
                else:
                    seen[transport] = taken, since
        self._seen = seen


def _taken(transport: asyncio.Transport) -> int:
    """Return a number that changes when the client takes something.

    The transport alone tells that late: the system keeps megabytes, and asks for more when a third of those is gone.
    """
    if _TCP_INFO is not None:
        try:
            info = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _BYTES_ACKED.stop)
        except OSError:  # The socket is not of TCP.
            info = b""
        if len(info) == _BYTES_ACKED.stop:
            return int.from_bytes(info[_BYTES_ACKED], sys.byteorder)
    return transport.get_write_buffer_size()
