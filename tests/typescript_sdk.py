"""The TypeScript SDK for tests: installed from its lock, built, and packed, once for each run."""

import fcntl
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

CLIENTS = Path(__file__).parents[1] / "clients"
FOLDER = CLIENTS / "typescript"

sys.path.append(str(CLIENTS))

import node_tools  # noqa: E402 - it is beside the SDKs


@cache
def built() -> Path:
    """Return the folder of the SDK, with `dist` from its sources as they are."""
    node_tools.install()
    with (FOLDER / "tsconfig.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        run("node", "node_modules/typescript/bin/tsc")
    return FOLDER


@cache
def tarball() -> Path:
    """Return what `npm pack` makes."""
    target = Path(tempfile.mkdtemp(prefix="accord-npm-"))
    run("npm", "pack", "--ignore-scripts", f"--pack-destination={target}", folder=built())
    return next(target.glob("*.tgz"))


def installed(folder: Path) -> Path:
    """Install the package into an empty folder, without any other, and return the folder."""
    (folder / "package.json").write_text('{"private": true, "type": "module"}', "utf-8")
    run("npm", "install", "--offline", "--no-audit", "--no-fund", str(tarball()), folder=folder)
    return folder


def run(*command: str, folder: Path = FOLDER, **environment: str) -> str:
    """Run a program of Node and return what it printed; fail with that when it fails."""
    done = attempt(*command, folder=folder, **environment)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def attempt(*command: str, folder: Path = FOLDER, **environment: str) -> subprocess.CompletedProcess[str]:
    return node_tools.run(*command, folder=folder, **environment)
