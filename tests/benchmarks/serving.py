"""Serves a limit program or a peer: `python -m benchmarks.serving benchmarks.rows.get_me limit`.

uvicorn has the settings that Accord gives it, and memory is frozen likewise, so that what is measured is what runs
inside; Accord's own part of the HTTP protocol is Accord's, so it is not here.
"""

import sys
from importlib import import_module

import uvicorn
import uvloop

from accord.boot.serving import freeze_memory
from accord.edge.server.listening import listening_socket
from accord.edge.server.server import server
from accord.settings import Settings

SAME = (
    "lifespan",
    "access_log",
    "server_header",
    "date_header",
    "proxy_headers",
    "backlog",
    "timeout_keep_alive",
    "log_config",
    "ws",
    "ws_per_message_deflate",
    "ws_max_size",
    "ws_ping_interval",
    "ws_ping_timeout",
)


async def _serve(module: str, factory: str) -> None:
    listener = listening_socket("127.0.0.1", 0)
    application = await getattr(import_module(module), factory)()
    accords = server(application, Settings()).config
    http = uvicorn.Server(
        uvicorn.Config(application, http="httptools", **{name: getattr(accords, name) for name in SAME})
    )
    freeze_memory()
    listener.listen(accords.backlog)
    print(f"listens on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    await http.serve(sockets=[listener])


if __name__ == "__main__":
    uvloop.run(_serve(*sys.argv[1:]))
