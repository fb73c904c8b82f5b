"""Copies of the source tree, for tests that change it."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Bytecode that other processes write meanwhile, and the packages of npm, which are larger than all else.
_UNNEEDED = shutil.ignore_patterns("__pycache__", "node_modules", ".*")


def copy_sources(folder: Path, *names: str) -> Path:
    """Copy files and folders of the repository, named by their paths in it; return the folder of the copy."""
    for name in names:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=_UNNEEDED)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return folder
