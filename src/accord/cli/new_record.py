"""`accord new record`: write a domain of records."""

import argparse

from accord.cli.parser import Parser
from accord.cli.scaffolding import print_written
from accord.contract.tools import scaffold

EXAMPLE = "accord new record tasks title:text due:date:optional state:choice:open,done done:boolean"


def define(command: Parser) -> None:
    """Add the arguments."""
    command.set_defaults(run=new_record)
    command.epilog = (
        "Kinds: text (a line, 200 characters), longtext (10,000), integer, number, boolean, time, date, uuid, "
        f"choice:open,done. `:optional` behind it lets the field be null. Example: {EXAMPLE}"
    )
    command.example = EXAMPLE
    command.add_argument("name", help="the records' name in the plural, like tasks or workItems")
    command.add_argument("fields", nargs="+", metavar="name:kind", help="a field, like title:text")
    command.add_argument("--singular", help="the name of one record, where English grammar does not give it")


def new_record(chosen: argparse.Namespace) -> int:
    """Write the files and print their names."""
    return print_written(lambda: scaffold.new_record(chosen.name, chosen.fields, chosen.singular))
