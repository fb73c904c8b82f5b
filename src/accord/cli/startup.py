"""The first steps of commands: read the settings, configure the logs, make the data folder."""

import argparse
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from accord import settings as settings_module
from accord.problems import CannotStart
from accord.settings import Settings


def add_data_dir(command: argparse.ArgumentParser) -> None:
    """Add `--data-dir`."""
    command.add_argument("--data-dir", type=Path, help="folder of embedded servers and generated keys")


def load_settings(chosen: argparse.Namespace) -> Settings:
    """Read the settings, options of the command before variables, and configure the logs."""
    from_file = settings_module.read_file(os.environ)
    given = {name: getattr(chosen, name, None) for name in ("host", "port", "data_dir")}
    overrides = {name: value for name, value in given.items() if value is not None}
    places = {name: place for name, place in from_file.items() if name.lower() not in overrides}
    loaded = settings_module.load(places=places, **overrides)
    from accord.telemetry import logs  # noqa: PLC0415 - wrong settings are reported before anything heavy is imported

    logs.configure(loaded.log_level, readable=sys.stderr.isatty() and not loaded.is_production)
    if from_file:
        logs.info("Settings were read from .env.", names=list(from_file))
    for warning in settings_module.suspicious(os.environ, from_file):
        logs.warning(warning)
    return loaded


def make_data_folder(settings: Settings) -> None:
    """Make the folder of embedded servers and generated keys, so that a wrong path is reported in words."""
    if settings.is_production and settings.database_url is not None and settings.nats_url is not None:
        return  # Nothing is written.
    folder = settings.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        reason = None if os.access(folder, os.W_OK | os.X_OK) else "it is not writable"
    except OSError as error:
        reason = error.strerror
    if reason is not None:
        raise CannotStart(f"The data folder {folder} cannot be used: {reason}. Choose another with --data-dir.")


def run(work: Coroutine[Any, Any, int]) -> int:
    """Run a command's coroutine on the event loop of the service; return its exit status."""
    import uvloop  # noqa: PLC0415 - only some commands need it

    return uvloop.run(work)
