"""`accord`: find the command, let its module read the arguments, run it, and turn errors into an exit status."""

import sys
from collections.abc import Sequence
from importlib import import_module

from accord import __version__
from accord.cli.held_signals import held_signals
from accord.cli.parser import Parser, subcommands

COMMANDS = {
    "serve": "run everything in one process",
    "gateway": "serve HTTP; flows run in workers",
    "worker": "run flows for gateways, and jobs",
    "doctor": "check the installation and say what to change",
    "db": "migrate, check or seed the database",
    "mail": "send a mail to see that the SMTP server takes it",
    "inbox": "print the mails of development",
    "journal": "verify the journal, or drop old months of it",
    "jobs": "show jobs, run dead ones again, or enqueue one",
    "new": "write the contract, flow and test of a new operation",
    "new --job": "write a new task with its flow and its test",
    "new record": "write a domain of records: five operations, table, migration, samples and tests",
    "contract": "generate, verify, lint and compare the contract",
    "settings": "generate or verify the reference of the settings",
    "sdk": "generate, verify or package both SDKs",
}
"""Each command and its line of help. The module of that name in this package defines the arguments of the command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status: 2 for wrong arguments or settings, 1 when the command failed."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    if " ".join(typed[:2]) in COMMANDS:
        typed[:2] = [" ".join(typed[:2])]  # One command of two words: `accord new` has a domain after it otherwise.
    try:
        with held_signals():
            parser = _parser(typed)
            if not _is_text(typed):
                parser.error("the arguments are no text in UTF-8")
            chosen = parser.parse_args(typed)
        return chosen.run(chosen)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        from accord.cli.failures import report  # noqa: PLC0415 - its imports take longer than `accord --help`

        status = report(error)
        if status is None:
            raise
        return status


def _is_text(typed: Sequence[str]) -> bool:
    """Return whether no byte was left over when the arguments were decoded, which PostgreSQL could not take."""
    try:
        "".join(typed).encode()
    except UnicodeEncodeError:
        return False
    return True


def _parser(typed: Sequence[str]) -> Parser:
    """Return the parser; only the module of the typed command is imported, so that `accord --help` is quick."""
    parser = Parser("accord", description="A contract-first backend service.")
    parser.add_argument("--version", action="version", version=f"accord {__version__}")
    commands = subcommands(parser)
    for name, explanation in COMMANDS.items():
        command = commands.add_parser(name, help=explanation, description=f"{explanation[0].upper()}{explanation[1:]}.")
        if name == next(iter(typed), None):
            import_module(f"accord.cli.{name.replace('--', '').replace(' ', '_')}").define(command)
    return parser
