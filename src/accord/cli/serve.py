"""`accord serve`: HTTP and flows in one process; `accord gateway` is the same with the flows in workers."""

import argparse

from accord.cli.held_signals import held_signals
from accord.cli.startup import add_data_dir, load_settings, run


def define(command: argparse.ArgumentParser) -> None:
    """Add the options of a process that serves HTTP."""
    command.set_defaults(run=serve, command=command.prog.split()[-1])
    add_data_dir(command)
    command.add_argument("--host", help="address to listen on")
    command.add_argument("--port", type=int, help="port to listen on; 0 takes a free one")


def serve(chosen: argparse.Namespace) -> int:
    """Listen, start the embedded servers, import the service meanwhile, and serve until a signal."""
    with held_signals():
        settings = load_settings(chosen)
        from accord.edge.server.listening import listening_socket  # noqa: PLC0415 - after wrong settings are reported

        listener = listening_socket(settings.host, settings.port)
        from accord.cli import prestart  # noqa: PLC0415 - likewise

        starting = prestart.begin(settings)
        from accord.boot import banner, serving  # noqa: PLC0415 - while the embedded servers start
    return run(serving.run_server(settings, chosen.command, listener, banner.announce, starting))
