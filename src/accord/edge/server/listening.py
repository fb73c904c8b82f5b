"""The socket that HTTP is served on; made without uvicorn, so before the slow imports."""

import errno
import socket

from accord.problems import CannotStart

_ADVICE = {
    errno.EADDRINUSE: "Stop the program that uses it, or take another with --port (0 takes a free one).",
    errno.EACCES: "Take a port above 1023 with --port, or grant the right to use this one.",
}


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a bound socket: a port in use is reported before any other part starts. Port 0 takes a free port.

    Raises CannotStart.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        advice = _ADVICE.get(error.errno or 0, "HOST must be an address or a name of this machine.")
        raise CannotStart(f"Cannot listen on {host} port {port}: {error.strerror or error}. {advice}") from error
    return bound


def address_of(listener: socket.socket) -> str:
    """Return the URL of a bound socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
