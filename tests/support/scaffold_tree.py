"""A copy of the source tree with what was scaffolded in it, and the commands of a developer there."""

import os
import subprocess
import sys
from pathlib import Path

from running import ENVIRONMENT
from source_copies import copy_sources

_CACHES = {"__pycache__", ".ruff_cache"}


class Tree:
    """The copy; what runs in it has the data folder, and with it the servers, of its own tests."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.variables = {**ENVIRONMENT, "PYTHONPATH": f"{folder / 'src'}", "PYTHONDONTWRITEBYTECODE": "1", **variables}
        copy_sources(folder, "src", "openapi", "tests", "pyproject.toml")

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a module to its end."""
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env={**os.environ, **self.variables, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def files(self) -> set[str]:
        kept = (path for path in self.folder.rglob("*") if path.is_file() and not _CACHES & set(path.parts))
        return {str(path.relative_to(self.folder)) for path in kept}
