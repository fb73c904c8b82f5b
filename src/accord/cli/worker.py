"""`accord worker`: run flows for gateways, and jobs."""

import argparse

from accord.cli.held_signals import held_signals
from accord.cli.startup import add_data_dir, load_settings, run


def define(command: argparse.ArgumentParser) -> None:
    """Add the options of a worker."""
    command.set_defaults(run=work)
    add_data_dir(command)
    command.add_argument("--port", type=int, help="port for probes and metrics; without it there are none")


def work(chosen: argparse.Namespace) -> int:
    """Start the embedded servers, import the service meanwhile, and run flows until a signal."""
    with held_signals():
        settings = load_settings(chosen)
        listener = None
        if chosen.port is not None:  # The setting PORT is for processes that serve HTTP.
            from accord.edge.server.listening import listening_socket  # noqa: PLC0415 - after wrong settings are reported

            listener = listening_socket(settings.host, settings.port)
        from accord.cli import prestart  # noqa: PLC0415 - likewise

        starting = prestart.begin(settings)
        from accord.boot import serving  # noqa: PLC0415 - while the embedded servers start
    return run(serving.run_worker(settings, listener, starting))
