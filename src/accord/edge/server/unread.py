"""Connections whose client reads nothing are cut, with any protocol (I-9)."""

import asyncio
import socket
import sys
from collections.abc import Collection
from typing import Any

UNREAD_FOR = 30.0
"""Seconds in which a client must read at least one byte."""
UNREAD_AT_STOP = 5.0
"""Seconds in which a client must read at least one byte while the process stops."""
_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)
_BYTES_ACKED = slice(120, 128)
"""The place of the number of acknowledged bytes in Linux's `struct tcp_info`."""


class Unread:
    """Compares the bytes that wait to be sent at each `cut`; requests cost nothing."""

    def __init__(self, connections: Collection[Any]) -> None:
        """Take the connections, closing ones too."""
        self._connections = connections
        self._seen: dict[asyncio.Transport, tuple[int, float]] = {}

    def cut(self, after: float) -> None:
        """Cut the connections whose client has read nothing for this many seconds."""
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
    """Return a number that changes when the client reads.

    The transport's buffer alone changes late: the system buffers megabytes, and takes more when a third is sent.
    """
    if _TCP_INFO is not None:
        try:
            info = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _BYTES_ACKED.stop)
        except OSError:  # The socket is no TCP socket.
            info = b""
        if len(info) == _BYTES_ACKED.stop:
            return int.from_bytes(info[_BYTES_ACKED], sys.byteorder)
    return transport.get_write_buffer_size()
