"""The commands that people type."""

import argparse
import difflib
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from accord import __version__
from accord import settings as settings_module
from accord.boot import import_errors
from accord.contract.bundle import BundleUnusable
from accord.problems import CannotStart, Problem
from accord.settings import Settings, SettingsError

NEW_RECORD = "new record"
"""One command of two words: `accord new` has a domain behind it otherwise."""
RECORD_EXAMPLE = "accord new record tasks title:text due:date:optional state:choice:open,done done:boolean"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status: 2 when it was typed or set up wrongly, 1 when it cannot be done."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    if typed[:2] == NEW_RECORD.split():
        typed[:2] = [NEW_RECORD]
    chosen = _parser().parse_args(typed)
    try:
        return chosen.run(chosen)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (CannotStart, BundleUnusable) as error:
        sys.stderr.writelines(f"accord: {line}\n" for line in str(error).splitlines())
    except Problem as problem:
        reasons = [f"  {error['field']} {error['message']}\n" for error in problem.extra.get("errors", ())]
        sys.stderr.write(f"accord: {problem.title}. {problem.detail}\n{''.join(reasons)}")
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        place = import_errors.told(error)
        if place is None:
            raise
        sys.stderr.write(f"accord: {place[0]} cannot be imported: {place[1]}\n")
    return 1


class _Parser(argparse.ArgumentParser):
    """A parser whose subcommands tell their own usage, where argparse tells that of the whole command."""

    def __init__(self, *arguments: Any, example: str | None = None, **options: Any) -> None:
        """Take an example to show when something is typed wrongly."""
        super().__init__(*arguments, **options)
        self.example = example

    def parse_known_args(self, *arguments: Any, **options: Any) -> Any:
        """Refuse here what is not known, and say what may be meant."""
        found, unknown = super().parse_known_args(*arguments, **options)
        if unknown:
            known = [option for action in self._actions for option in action.option_strings]
            near = difflib.get_close_matches(unknown[0].partition("=")[0], known, n=1)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{f'; is {near[0]} meant?' if near else ''}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Print usage, what is wrong, and the example; end with status 2."""
        super().error(message if self.example is None else f"{message}\nFor example: {self.example}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("accord", description="A contract-first backend service.")
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
        if run is _work:
            command.add_argument("--port", type=int, help="port for probes and metrics; without it there are none")
    _add_database_commands(commands)
    _add_journal_commands(commands)
    _add_new(commands)
    return parser


def _add_database_commands(commands: Any) -> None:
    database = commands.add_parser("db", help="migrate, check or seed the database").add_subparsers(
        required=True, metavar="COMMAND"
    )
    for name, run, explanation in (
        ("upgrade", _upgrade, "bring the database to the newest revision"),
        ("check", _check, "fail unless the database has the revision and the tables of this release"),
    ):
        command = database.add_parser(name, help=explanation)
        command.set_defaults(run=run)
        command.add_argument("--data-dir", type=Path)
    seed = database.add_parser("seed", help="create the root account; the password is asked for, or ROOT_PASSWORD")
    seed.set_defaults(run=_seed)
    seed.add_argument("--email", required=True)
    seed.add_argument("--first-name", default="Root")
    seed.add_argument("--last-name", default="Admin")
    seed.add_argument("--data-dir", type=Path)


def _add_new(commands: Any) -> None:
    explanation = "write the contract, flow and test of a new operation"
    new = commands.add_parser(
        "new",
        help=explanation,
        description=f"{explanation}; see also `accord new record -h`",
        example="accord new greetings greetSomebody --method post --path /api/v1/greetings",
    )
    new.set_defaults(run=_new)
    new.add_argument("domain", help="a word like accounts; a new one is begun")
    new.add_argument("operation_id", metavar="operationId", help="a name like updateMe")
    new.add_argument("--method", required=True, choices=["get", "post", "put", "patch", "delete"])
    new.add_argument("--path", required=True, help="a path like /api/v1/notes/{noteId}")
    explanation = "write a domain of records: five operations, table, migration, samples and tests"
    record = commands.add_parser(
        NEW_RECORD,
        help=explanation,
        description=explanation,
        epilog="Kinds: text (a line, 200 characters), longtext (10,000), integer, number, boolean, time, date, uuid, "
        f"choice:open,done. `:optional` behind it lets the field be null. Example: {RECORD_EXAMPLE}",
        example=RECORD_EXAMPLE,
    )
    record.set_defaults(run=_new_record)
    record.add_argument("name", help="what they are called in the plural, like tasks or workItems")
    record.add_argument("fields", nargs="+", metavar="name:kind", help="a field, like title:text")
    record.add_argument("--singular", help="what one is called, where English does not tell")


def _add_journal_commands(commands: Any) -> None:
    journal = commands.add_parser("journal", help="verify the journal, or drop old months of it").add_subparsers(
        required=True, metavar="COMMAND"
    )
    verify = journal.add_parser("verify", help="fail unless every entry is the one that was written")
    verify.set_defaults(run=_verify_journal)
    verify.add_argument("--data-dir", type=Path)
    prune = journal.add_parser("prune", help="drop whole months, and keep the rest verifiable")
    prune.set_defaults(run=_prune_journal)
    prune.add_argument("--before", type=_day, required=True, help="a day, such as 2026-01-01")
    prune.add_argument("--data-dir", type=Path)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-01-01") from None


def _settings(chosen: argparse.Namespace) -> Settings:
    """Read the settings, and let everything that is said from now on be a log line of the chosen form."""
    from_file = settings_module.read_file(os.environ)
    given = {name: getattr(chosen, name, None) for name in ("host", "port", "data_dir")}
    overrides = {name: value for name, value in given.items() if value is not None}
    places = {name: place for name, place in from_file.items() if name.lower() not in overrides}
    loaded = settings_module.load(places=places, **overrides)
    from accord.telemetry import logs  # noqa: PLC0415 - `accord --help` answers at once

    logs.configure(loaded.log_level, readable=sys.stderr.isatty() and not loaded.is_production)
    if from_file:
        logs.info("Settings were read from .env.", names=list(from_file))
    for warning in settings_module.suspicious(os.environ, from_file):
        logs.warning(warning)
    return loaded


def _make_data_folder(settings: Settings) -> None:
    """Make the folder of embedded servers and generated keys now, so that what hinders it is told in words."""
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


def _serve(chosen: argparse.Namespace) -> int:
    settings = _settings(chosen)
    from accord.edge.server.listening import listening_socket  # noqa: PLC0415

    listener = listening_socket(settings.host, settings.port)
    starting = _begin(settings)
    from accord.boot import banner, serving  # noqa: PLC0415

    return _run(serving.run_server(settings, chosen.command, listener, banner.announce, starting))


def _work(chosen: argparse.Namespace) -> int:
    settings = _settings(chosen)
    listener = None
    if chosen.port is not None:  # PORT is for the processes that cannot do without one
        from accord.edge.server.listening import listening_socket  # noqa: PLC0415

        listener = listening_socket(settings.host, settings.port)
    starting = _begin(settings)
    from accord.boot import serving  # noqa: PLC0415

    return _run(serving.run_worker(settings, listener, starting))


def _begin(settings: Settings) -> Any:
    """Start the embedded servers while the rest is imported: that takes most of the time of a start."""
    # What importing makes stays for good, so that looking for garbage among it is a waste; the boot turns it on again.
    gc.disable()
    # As Ctrl-C does, so that what was started is stopped; the boot takes over when it runs.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _make_data_folder(settings)
    from accord.embedded import ahead  # noqa: PLC0415

    return ahead.begin(settings)


def _run(work: Coroutine[Any, Any, int]) -> int:
    import uvloop  # noqa: PLC0415 - only the commands that serve need it

    return uvloop.run(work)


def _upgrade(chosen: argparse.Namespace) -> int:
    settings = _settings(chosen)
    _make_data_folder(settings)
    from accord.boot import migrating  # noqa: PLC0415

    return migrating.upgrade(settings)


def _check(chosen: argparse.Namespace) -> int:
    settings = _settings(chosen)
    _make_data_folder(settings)
    from accord.boot import migrating  # noqa: PLC0415

    return migrating.check(settings)


def _verify_journal(chosen: argparse.Namespace) -> int:
    settings = _settings(chosen)
    from accord.cli import journal  # noqa: PLC0415
    from accord.embedded.address import database_address  # noqa: PLC0415

    with database_address(settings) as url:
        return _run(journal.verify_journal(settings, url))


def _prune_journal(chosen: argparse.Namespace) -> int:
    settings = _settings(chosen)
    from accord.cli import journal  # noqa: PLC0415
    from accord.embedded.address import database_address  # noqa: PLC0415

    with database_address(settings) as url:
        return _run(journal.prune_journal(settings, url, chosen.before))


def _seed(chosen: argparse.Namespace) -> int:
    settings = _settings(chosen)
    from accord.boot import seeding  # noqa: PLC0415

    account = seeding.asked_account(chosen.email, chosen.first_name, chosen.last_name)
    _make_data_folder(settings)

    async def seed() -> int:
        print(await seeding.seed(settings, account))
        return 0

    return _run(seed())


def _doctor(chosen: argparse.Namespace) -> int:
    settings = _settings(chosen)
    from accord.cli import doctor  # noqa: PLC0415

    return _run(doctor.run(settings))


def _new(chosen: argparse.Namespace) -> int:
    from accord.contract.tools import scaffold  # noqa: PLC0415

    return _scaffolded(lambda: scaffold.new(chosen.domain, chosen.operation_id, chosen.method, chosen.path))


def _new_record(chosen: argparse.Namespace) -> int:
    from accord.contract.tools import scaffold  # noqa: PLC0415

    return _scaffolded(lambda: scaffold.new_record(chosen.name, chosen.fields, chosen.singular))


def _scaffolded(write: Callable[[], list[Path]]) -> int:
    from accord.contract.tools.generate import SourcesMissing  # noqa: PLC0415
    from accord.contract.tools.scaffold import ScaffoldRefused, next_steps  # noqa: PLC0415
    from accord.contract.tools.sources import ContractInvalid  # noqa: PLC0415

    try:
        written = write()
    except (ScaffoldRefused, SourcesMissing, ContractInvalid) as refused:
        raise CannotStart(str(refused)) from refused
    print(*map(os.path.relpath, written), *next_steps(written), sep="\n")
    return 0
