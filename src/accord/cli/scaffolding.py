"""The output of `accord new`, `accord new --job` and `accord new record`."""

import os
from collections.abc import Callable
from pathlib import Path

from accord.contract.tools.generate import SourcesMissing
from accord.contract.tools.scaffold import ScaffoldRefused, next_steps
from accord.contract.tools.sources import ContractInvalid
from accord.problems import CannotStart

TRY_IT = "Try it with `accord serve`, which brings the database up to date; the page at /docs sends requests."


def print_written(write: Callable[[], list[Path]], use: str = TRY_IT, remake: str = "nox -s generate") -> int:
    """Write the files, print their names and the next steps, `use` among them; return the exit status."""
    try:
        written = write()
    except (ScaffoldRefused, SourcesMissing, ContractInvalid) as refused:
        raise CannotStart(str(refused)) from refused
    print(*map(os.path.relpath, written), *next_steps(written, use, remake), sep="\n")
    return 0
