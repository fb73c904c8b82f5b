"""`accord new`: write the contract, flow and test of a new operation."""

import argparse

from accord.cli.parser import Parser
from accord.cli.scaffolding import print_written
from accord.contract.operations import METHODS
from accord.contract.tools import scaffold


def define(command: Parser) -> None:
    """Add the arguments."""
    command.set_defaults(run=new)
    command.epilog = "See also `accord new --job -h` and `accord new record -h`."
    command.example = "accord new greetings greetSomebody --method post --path /api/v1/greetings"
    command.add_argument("domain", help="a word like accounts; a new domain is begun")
    command.add_argument("operation_id", metavar="operationId", help="a name like updateMe")
    command.add_argument("--method", required=True, choices=METHODS)
    command.add_argument("--path", required=True, help="a path like /api/v1/notes/{noteId}")


def new(chosen: argparse.Namespace) -> int:
    """Write the files and print their names."""
    return print_written(lambda: scaffold.new(chosen.domain, chosen.operation_id, chosen.method, chosen.path))
