"""`accord new --job`: write a new task with its flow and its test."""

import argparse

from accord.cli.parser import Parser
from accord.cli.scaffolding import print_written
from accord.contract.tasks import Every
from accord.contract.tools import scaffold

EXAMPLE = "accord new --job remindOfNote --domain notes"


def define(command: Parser) -> None:
    """Add the arguments."""
    command.set_defaults(run=new_job)
    command.epilog = f"Example: {EXAMPLE}"
    command.example = EXAMPLE
    command.add_argument("task", help="a name like remindOfNote")
    command.add_argument("--domain", required=True, help="a word like accounts; a new domain is begun")
    command.add_argument("--every", metavar="CRON", help="a schedule like '30 2 * * *', for a task without arguments")
    command.add_argument("--zone", default="UTC", help="the time zone of --every, like Europe/Berlin; UTC by default")


def new_job(chosen: argparse.Namespace) -> int:
    """Write the files and print their names."""
    every = None if chosen.every is None else Every(chosen.every, chosen.zone)
    enqueue = f'Enqueue one in a flow: `await context.jobs.enqueue("{chosen.task}", {{"userId": …}})`.'
    use = enqueue if every is None else f"Run one now, beside its schedule: `accord jobs run {chosen.task}`."
    # The SDKs have no tasks, so that the contract alone is remade.
    return print_written(lambda: scaffold.new_job(chosen.domain, chosen.task, every), use, "accord contract generate")
