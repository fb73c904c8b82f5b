"""The errors that a command reports in a line instead of a traceback."""

import sys

from accord.boot import import_errors
from accord.contract.bundle import BundleUnusable
from accord.problems import CannotStart, Problem
from accord.settings import SettingsError


def write_failure(*messages: str) -> None:
    """Write each message with the prefix that tells it from the lines of the log; details of it are indented."""
    sys.stderr.writelines(f"accord: {message}\n" for message in messages)


def report(error: Exception) -> int | None:
    """Print an expected error and return the exit status; return None for an error that is a defect."""
    if isinstance(error, SettingsError):
        write_failure(str(error))
        return 2
    if isinstance(error, CannotStart | BundleUnusable):
        write_failure(*str(error).splitlines())
        return 1
    if isinstance(error, Problem):
        reasons = [f"  {each['field']} {each['message']}" for each in error.extra.get("errors", ())]
        write_failure("\n".join([f"{error.title}. {error.detail}", *reasons]))
        return 1
    place = import_errors.told(error)
    if place is None:
        return None
    write_failure(f"{place[0]} cannot be imported: {place[1]}")
    return 1
