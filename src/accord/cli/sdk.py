"""`accord sdk …`: generate, verify and package both SDKs by the programs in clients/, which need a checkout."""

import argparse
import subprocess
import sys
from pathlib import Path

from accord.cli.checkout import path_in_checkout
from accord.cli.parser import Parser, subcommands

LANGUAGES = ("python", "typescript")


def define(command: Parser) -> None:
    """Add the commands."""
    commands = subcommands(command)
    for name, explanation in (
        ("generate", "write the generated parts of the SDKs from the contract"),
        ("verify", "fail when a generated part is not current"),
    ):
        added = commands.add_parser(name, help=explanation, description=explanation)
        added.set_defaults(run=generate_or_verify, work=name)
        added.add_argument("languages", nargs="*", type=_language, metavar="language", help="python or typescript")
    explanation = "build a wheel and an npm tarball into a folder"
    packaging = commands.add_parser("package", help=explanation, description=explanation)
    packaging.set_defaults(run=package)
    packaging.add_argument("folder", type=Path, help="a folder like dist; it is made")


def _language(text: str) -> str:
    if text not in LANGUAGES:
        raise argparse.ArgumentTypeError(f"there is no SDK for {text!r}; there are {' and '.join(LANGUAGES)}")
    return text


def generate_or_verify(chosen: argparse.Namespace) -> int:
    """Run clients/generate.py; return its exit status."""
    return _run("clients/generate.py", chosen.work, *chosen.languages)


def package(chosen: argparse.Namespace) -> int:
    """Run clients/package.py; return its exit status."""
    return _run("clients/package.py", str(chosen.folder.absolute()))


def _run(program: str, *arguments: str) -> int:
    command = [sys.executable, str(path_in_checkout(program)), *arguments]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - our own program
