"""The commands that people type."""

import argparse
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from accord import __version__
from accord import settings as settings_module
from accord.settings import Settings, SettingsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        return chosen.run(chosen)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("accord", description="A contract-first backend service.")
    parser.add_argument("--version", action="version", version=f"accord {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, explanation in (
        ("serve", _serve, "run everything in one process"),
        ("gateway", _serve, "serve HTTP; flows run in workers"),
        ("worker", _work, "run flows for gateways"),
        ("doctor", _doctor, "check the installation and say what to change"),
    ):
        command = commands.add_parser(name, help=explanation, description=explanation)
        command.set_defaults(run=run, command=name)
        command.add_argument("--data-dir", type=Path, help="folder of embedded servers and generated keys")
        if run is _serve:
            command.add_argument("--host", help="address to listen on")
            command.add_argument("--port", type=int, help="port to listen on; 0 takes a free one")
    _add_database_commands(commands)
    _add_new(commands)
    return parser


def _add_database_commands(commands: Any) -> None:
    database = commands.add_parser("db", help="migrate, check or seed the database").add_subparsers(
        required=True, metavar="COMMAND"
    )
    for name, explanation in (
        ("upgrade", "bring the database to the newest revision"),
        ("check", "fail unless the database is at the newest revision"),
    ):
        command = database.add_parser(name, help=explanation)
        command.set_defaults(run=_database, command=name)
        command.add_argument("--data-dir", type=Path)
    seed = database.add_parser("seed", help="create the root account; the password is asked for, or ROOT_PASSWORD")
    seed.set_defaults(run=_seed)
    seed.add_argument("--email", required=True)
    seed.add_argument("--first-name", default="Root")
    seed.add_argument("--last-name", default="Admin")
    seed.add_argument("--data-dir", type=Path)


def _add_new(commands: Any) -> None:
    new = commands.add_parser("new", help="write the contract, flow and test of a new operation")
    new.set_defaults(run=_new)
    new.add_argument("domain")
    new.add_argument("operation_id", metavar="operationId")
    new.add_argument("--method", required=True, choices=["get", "post", "put", "patch", "delete"])
    new.add_argument("--path", required=True)


def _settings(chosen: argparse.Namespace) -> Settings:
    given = {name: getattr(chosen, name, None) for name in ("host", "port", "data_dir")}
    loaded = settings_module.load(**{name: value for name, value in given.items() if value is not None})
    from accord import logs  # noqa: PLC0415

    logs.configure(loaded.log_level, readable=sys.stderr.isatty() and not loaded.is_production)
    return loaded


def _run(work: Coroutine[Any, Any, int]) -> int:
    import uvloop  # noqa: PLC0415 - only the commands that serve need it

    return uvloop.run(work)


def _serve(chosen: argparse.Namespace) -> int:
    settings = _settings(chosen)
    from accord import boot, greeting  # noqa: PLC0415 - `accord --help` answers at once

    return _guarded(boot.run_server(settings, chosen.command, greeting.announce))


def _work(chosen: argparse.Namespace) -> int:
    settings = _settings(chosen)
    from accord import boot  # noqa: PLC0415

    return _guarded(boot.run_worker(settings))


def _guarded(work: Coroutine[Any, Any, int]) -> int:
    """Report what an operator can mend in words, not in a stack."""
    from accord.boot import ContractBroken  # noqa: PLC0415
    from accord.embedded import EmbeddedError  # noqa: PLC0415
    from accord.problems import Problem  # noqa: PLC0415

    try:
        return _run(work)
    except (ContractBroken, EmbeddedError, OSError) as error:
        sys.stderr.write(f"accord: {error}\n")
    except Problem as problem:
        sys.stderr.write(f"accord: {problem.title}. Is DATABASE_URL right, and does the server answer?\n")
    return 1


def _database(chosen: argparse.Namespace) -> int:
    settings = _settings(chosen)
    from accord import boot  # noqa: PLC0415

    return _guarded(boot.migrate_or_check(settings, upgrade=chosen.command == "upgrade"))


def _seed(chosen: argparse.Namespace) -> int:
    settings = _settings(chosen)
    from accord import seeding  # noqa: PLC0415

    password = seeding.asked_password()

    async def seed() -> int:
        print(await seeding.seed(settings, chosen.email, chosen.first_name, chosen.last_name, password))
        return 0

    return _guarded(seed())


def _doctor(chosen: argparse.Namespace) -> int:
    settings = _settings(chosen)
    from accord import doctor  # noqa: PLC0415

    return _guarded(doctor.run(settings))


def _new(chosen: argparse.Namespace) -> int:
    from accord.contract import scaffold  # noqa: PLC0415

    for path in scaffold.new(chosen.domain, chosen.operation_id, chosen.method, chosen.path):
        print(path)
    return 0
