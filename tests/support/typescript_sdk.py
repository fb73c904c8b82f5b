"""The TypeScript SDK for tests: installed from its lock, built, and packed, once for each run."""

import fcntl
import hashlib
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

CLIENTS = Path(__file__).parents[2] / "clients"
FOLDER = CLIENTS / "typescript"

sys.path.append(str(CLIENTS))

import node_tools  # noqa: E402 - it is beside the SDKs
import package  # noqa: E402 - likewise


@cache
def built() -> Path:
    """Return the folder of the SDK, with `dist` from its sources as they are."""
    node_tools.install()
    sources = [FOLDER / "tsconfig.json", *sorted((FOLDER / "src").rglob("*.ts"))]
    digest, mark = (
        hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest(),
        FOLDER / "node_modules" / ".dist-of",
    )
    with sources[0].open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        # Another process may have it in use: what is current is not written again.
        if not mark.is_file() or mark.read_text() != digest:
            run("node", "node_modules/typescript/bin/tsc")
            mark.write_text(digest)
    return FOLDER


@cache
def tarball() -> Path:
    """Return what `npm pack` makes."""
    built()
    return package.tarball(Path(tempfile.mkdtemp(prefix="accord-npm-")))


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
