"""The errors that a command reports in a line instead of a traceback."""

import sys

from accord.boot import import_errors
from accord.contract.bundle import BundleUnusable
from accord.problems import CannotStart, Problem
from accord.settings import SettingsError


def report(error: Exception) -> int | None:
    """Print an expected error and return the exit status; return None for an error that is a defect."""
    if isinstance(error, SettingsError):
        sys.stderr.write(f"{error}\n")
        return 2
    if isinstance(error, CannotStart | BundleUnusable):
        sys.stderr.writelines(f"accord: {line}\n" for line in str(error).splitlines())
        return 1
    if isinstance(error, Problem):
        reasons = [f"  {each['field']} {each['message']}\n" for each in error.extra.get("errors", ())]
        sys.stderr.write(f"accord: {error.title}. {error.detail}\n{''.join(reasons)}")
        return 1
    place = import_errors.told(error)
    if place is None:
        return None
    sys.stderr.write(f"accord: {place[0]} cannot be imported: {place[1]}\n")
    return 1
