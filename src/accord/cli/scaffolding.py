"""The output of `accord new` and `accord new record`."""

import os
from collections.abc import Callable
from pathlib import Path

from accord.contract.tools.generate import SourcesMissing
from accord.contract.tools.scaffold import ScaffoldRefused, next_steps
from accord.contract.tools.sources import ContractInvalid
from accord.problems import CannotStart


def print_written(write: Callable[[], list[Path]]) -> int:
    """Write the files, print their names and the next steps; return the exit status."""
    try:
        written = write()
    except (ScaffoldRefused, SourcesMissing, ContractInvalid) as refused:
        raise CannotStart(str(refused)) from refused
    print(*map(os.path.relpath, written), *next_steps(written), sep="\n")
    return 0
