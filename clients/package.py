# noqa: INP001 - a program, and no package
"""Build what is released of both SDKs into a folder: a wheel, and the tarball that npm takes.

`accord sdk package FOLDER` runs this program, which prints the files it wrote.
"""

import subprocess
import sys
from pathlib import Path

import node_tools

PYTHON = Path(__file__).resolve().parent / "python"


def wheel(folder: Path) -> Path:
    """Return the wheel of the Python SDK."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=PYTHON, check=True, capture_output=True)  # noqa: S603 - our own arguments
    return _newest(folder, "*.whl")


def tarball(folder: Path) -> Path:
    """Return the tarball of the TypeScript SDK, made of what was compiled into `dist`."""
    _of_node("npm", "pack", "--ignore-scripts", f"--pack-destination={folder}")
    return _newest(folder, "*.tgz")


def _of_node(*command: str) -> None:
    done = node_tools.run(*command)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def _newest(folder: Path, pattern: str) -> Path:
    return max(folder.glob(pattern), key=lambda file: file.stat().st_mtime)


def main() -> None:
    """Build both."""
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    node_tools.install()
    _of_node("npm", "run", "build")
    for build in (wheel, tarball):
        sys.stdout.write(f"Wrote {build(folder)}.\n")


if __name__ == "__main__":
    main()
