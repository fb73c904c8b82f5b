"""`accord settings generate` writes docs/settings.md; `accord settings verify` fails when the file is not current."""

import argparse

from accord.cli.checkout import path_in_checkout
from accord.cli.failures import write_failure
from accord.cli.parser import Parser, subcommands
from accord.settings.reference import reference

FILE = "docs/settings.md"


def define(command: Parser) -> None:
    """Add the commands."""
    commands = subcommands(command)
    for name, work, explanation in (
        ("generate", generate, f"write {FILE}"),
        ("verify", verify, f"fail when {FILE} is not current"),
    ):
        commands.add_parser(name, help=explanation, description=explanation).set_defaults(run=work)


def generate(_: argparse.Namespace) -> int:
    """Write the reference, unless the file is current."""
    file = path_in_checkout("docs") / "settings.md"
    if not file.exists() or file.read_text("utf-8") != reference():
        file.write_text(reference(), "utf-8")
        print(f"Wrote {FILE}.")
    return 0


def verify(_: argparse.Namespace) -> int:
    """Return 1 when the file is not current."""
    file = path_in_checkout("docs") / "settings.md"
    if file.exists() and file.read_text("utf-8") == reference():
        print(f"{FILE} is current.")
        return 0
    write_failure(f"{FILE} is not current: run `accord settings generate`.")
    return 1
