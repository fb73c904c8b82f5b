"""Serves a limit program or a peer: `python -m benchmarks.serving benchmarks.rows.get_me limit`.

uvicorn is configured by the very function that configures it for Accord, and memory is frozen likewise, so that the
difference that is measured is what runs inside.
"""

import asyncio
import sys
from importlib import import_module

import uvloop

from accord.api.listening import listening_socket
from accord.api.server import server
from accord.boot import freeze_memory
from accord.settings import Settings


async def _serve(module: str, factory: str) -> None:
    listener = listening_socket("127.0.0.1", 0)
    application = await getattr(import_module(module), factory)()
    freeze_memory()
    listener.listen(2048)
    print(f"listens on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    http = server(application, Settings())
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(15, lambda: setattr(http, "should_exit", True))
    await http.serve(sockets=[listener])


if __name__ == "__main__":
    uvloop.run(_serve(*sys.argv[1:]))
