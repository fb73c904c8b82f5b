"""Commands for developers need files that are in a checkout of the repository, and not in the installed package."""

from pathlib import Path

from accord.contract.bundle import REPOSITORY
from accord.problems import CannotStart


def path_in_checkout(name: str) -> Path:
    """Return a file or folder of the checkout that this code runs from."""
    path = REPOSITORY / name
    if not path.exists() or not (REPOSITORY / "pyproject.toml").exists():
        raise CannotStart(f"{name} is missing here: run this in a checkout of the repository, installed by `pip -e`.")
    return path
