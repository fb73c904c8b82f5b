"""The parser of all commands: its errors show the usage of the command that was typed, and an example."""

import argparse
import difflib
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """A parser whose subcommands show their own usage, where argparse shows that of the whole command."""

    def __init__(self, *arguments: Any, example: str | None = None, **options: Any) -> None:
        """Take an example to show beside errors."""
        super().__init__(*arguments, **options)
        self.example = example

    def parse_known_args(self, *arguments: Any, **options: Any) -> Any:
        """Refuse unknown arguments here, and suggest the known option that is spelt most like the first."""
        parsed, unknown = super().parse_known_args(*arguments, **options)
        if unknown:
            known = [option for action in self._actions for option in action.option_strings]
            near = difflib.get_close_matches(unknown[0].partition("=")[0], known, n=1)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{f'; is {near[0]} meant?' if near else ''}")
        return parsed, unknown

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Suggest the command or choice that is spelt most like an unknown one."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            near = difflib.get_close_matches(str(value), [str(choice) for choice in action.choices or ()], n=1)
            error.message += f"; is {near[0]} meant?" if near else ""
            raise

    def error(self, message: str) -> NoReturn:
        """Print usage, error and example; end with status 2."""
        super().error(message if self.example is None else f"{message}\nFor example: {self.example}")


def subcommands(command: Parser) -> Any:
    """Return the place where a command's own commands are added; one of them must be given."""
    return command.add_subparsers(required=True, metavar="COMMAND")
