"""A copy of the source tree with what was scaffolded in it, and the commands of a developer there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from running import ENVIRONMENT

ROOT = Path(__file__).parents[2]
_CACHES = {"__pycache__", ".ruff_cache"}


class Tree:
    """The copy; what runs in it has the data folder, and with it the servers, of its own tests."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.variables = {**ENVIRONMENT, "PYTHONPATH": f"{folder / 'src'}", "PYTHONDONTWRITEBYTECODE": "1", **variables}
        for name in ("src", "openapi", "tests"):
            shutil.copytree(
                ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*", "node_modules")
            )
        shutil.copy(ROOT / "pyproject.toml", folder)

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
