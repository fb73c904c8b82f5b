"""`accord new --job`: write a new task with its flow and its test."""

import argparse

from accord.cli.parser import Parser
from accord.cli.scaffolding import print_written
from accord.contract.tools import scaffold

EXAMPLE = "accord new --job remindOfNote --domain notes"


def define(command: Parser) -> None:
    """Add the arguments."""
    command.set_defaults(run=new_job)
    command.epilog = f"Example: {EXAMPLE}"
    command.example = EXAMPLE
    command.add_argument("task", help="a name like remindOfNote")
    command.add_argument("--domain", required=True, help="a word like accounts; a new domain is begun")


def new_job(chosen: argparse.Namespace) -> int:
    """Write the files and print their names."""
    enqueue = f'Enqueue one in a flow: `await context.jobs.enqueue("{chosen.task}", {{"userId": …}})`.'
    return print_written(lambda: scaffold.new_job(chosen.domain, chosen.task), enqueue)
