"""`nox` passes every check; `nox -s serve` starts the service. Both need only Python and `pip install nox`.

All checks share one environment, installed from the locks with their hashes, and kept until a lock changes.
"""

import hashlib
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "contract", "tests"]
nox.options.stop_on_first_error = False

ROOT = Path(__file__).parent
LOCKS = ROOT / "requirements"
SOURCES = ("src", "tests", "clients", "noxfile.py")
SHARED = ROOT / ".nox" / "environment"  # where the session of this name puts it
COMPILE = (
    "uv pip compile --quiet --universal --python-version=3.11 --generate-hashes --no-annotate "
    "--no-emit-index-url --no-emit-find-links"  # whoever installs chooses the registry
)
EXTRAS = ("--extra=embedded", "--extra=telemetry", "--extra=dev")
LOCKED = {
    "build": ("--group=build",),
    "runtime": ("pyproject.toml", "--extra=telemetry"),
    "serve": ("pyproject.toml", *EXTRAS, "--constraints=requirements/runtime.txt"),
    "development": (
        "pyproject.toml",
        *EXTRAS,
        "--group=dev",
        "--constraints=requirements/serve.txt",
    ),
}


_check = partial(nox.session, venv_backend="none", requires=["environment"])


@nox.session(reuse_venv=True)
def serve(session: nox.Session) -> None:
    """Start the whole service; arguments after `--` go to `accord serve`."""
    _install(session, "serve")
    _become(session, "accord", "serve", *session.posargs)


@nox.session(reuse_venv=True)
def environment(session: nox.Session) -> None:
    """What all checks need."""
    _install(session, "development")
    # Python may be told to write no bytecode; then each of the many processes of the tests would compile the source.
    session.run("python", "-m", "compileall", "-q", "src")


# What a change breaks first, in the transport that starts fastest.
QUICK = ("database", "edge", "flows", "security", "settings", "system/idempotency", "telemetry")
LAST_GREEN = ROOT / ".nox" / "last-green"
_begun_at = ""
_green: set[str] = set()


@_check()
def lint(session: nox.Session) -> None:
    """Style, format and the direction of dependencies."""
    _run(session, "ruff", "check", *SOURCES)
    _run(session, "ruff", "format", "--check", *SOURCES)
    _run(session, "lint-imports")
    _passed(session)


@_check()
def types(session: nox.Session) -> None:
    """Types, strictly."""
    for project in (".", "clients/python"):
        _run(session, "pyright", "-p", project, PYRIGHT_PYTHON_GLOBAL_NODE="0", PYRIGHT_PYTHON_IGNORE_WARNINGS="1")
    _passed(session)


@_check()
def contract(session: nox.Session) -> None:
    """The contract keeps its laws, and what is generated from it is current."""
    for command in ("verify", "lint", "lint-external", "try-generators", "compare"):
        _run(session, "accord", "contract", command)
    _run(session, "accord", "sdk", "verify")
    _passed(session)


# What never sends a flow anywhere comes out the same in both transports, and is tested once.
WITHOUT_FLOWS = (
    *("benchmarks", "boot", "cli", "contract", "database", "docs", "embedded", "jobs"),
    *("packaging", "sdk", "security", "settings", "telemetry"),
)
# Each process of pytest has a service, with its servers, of its own.
ON_ALL_CORES = ("--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile")
# Without workers of its own a service leaves time for one more, while other tests wait.
AND_ONE_MORE = (f"--numprocesses={min((os.cpu_count() or 1) + 1, 4)}", "--dist=loadfile")


# What looks at HTTP itself runs once without the fast path, which proves that it is only an optimisation.
WITHOUT_FAST_PATH = ("edge", "flows", "live", "system/hostile")


@_check()
def tests(session: nox.Session) -> None:
    """All tests with flows in the server's own process, and all that send flows with those in workers."""
    nats, local = {"FLOW_TRANSPORT": "nats"}, {"FLOW_TRANSPORT": "local"}
    ignored = [f"--ignore=tests/{folder}" for folder in (*WITHOUT_FLOWS, *WITHOUT_FAST_PATH)]
    without = [f"tests/{folder}" for folder in WITHOUT_FAST_PATH]
    _run(session, "pytest", *ON_ALL_CORES, *(session.posargs or ignored), **nats)
    _run(session, "pytest", *ON_ALL_CORES, *(session.posargs or without), **nats, HTTP_FAST_PATH="false")
    _run(session, "pytest", *AND_ONE_MORE, *session.posargs, **local)
    _passed(session)


@_check()
def quick(session: nox.Session) -> None:
    """For the inner loop: style, and the tests that a change breaks first, in one transport."""
    _run(session, "ruff", "check", *SOURCES)
    chosen = session.posargs or [f"tests/{folder}" for folder in QUICK]
    _run(session, "pytest", *ON_ALL_CORES, *chosen, FLOW_TRANSPORT="local")


@_check()
def faults(session: nox.Session) -> None:
    """Long tests that kill servers and cut connections."""
    _run(session, "pytest", "-m", "faults", *session.posargs)


@_check()
def fuzz(session: nox.Session) -> None:
    """Long tests with random and hostile input."""
    _run(session, "pytest", "-m", "fuzz", *session.posargs)


@_check()
def bench(session: nox.Session) -> None:
    """Measure, beside the limit programs and the peer."""
    _run(session, "python", "-m", "benchmarks", *session.posargs, PYTHONPATH=str(ROOT / "tests"))


@_check()
def generate(session: nox.Session) -> None:
    """Remake every generated file."""
    _run(session, "accord", "contract", "generate")
    _run(session, "accord", "settings", "generate")
    _run(session, "accord", "sdk", "generate")


@_check()
def verify(session: nox.Session) -> None:
    """Fail when a generated file is not current."""
    _run(session, "accord", "contract", "verify")
    _run(session, "accord", "settings", "verify")
    _run(session, "accord", "sdk", "verify")


@_check()
def package(session: nox.Session) -> None:
    """Build the SDKs, a wheel and an npm tarball, into dist/."""
    _run(session, "accord", "sdk", "package", "dist")


@nox.session
def lock(session: nox.Session) -> None:
    """Remake the locks; `nox -s lock -- --upgrade` takes the newest versions."""
    session.install("uv>=0.8")
    environment = {"UV_CUSTOM_COMPILE_COMMAND": "nox -s lock"}
    for name, inputs in LOCKED.items():
        output = f"--output-file=requirements/{name}.txt"
        session.run(*COMPILE.split(), *inputs, output, *session.posargs, env=environment)


def _install(session: nox.Session, name: str) -> None:
    """Install a lock and this package, unless this environment has exactly these."""
    if sys.version_info < (3, 11):  # noqa: UP036 - nox runs this file under whatever Python it has
        session.error("Accord needs Python 3.11 to 3.13: install nox with one of these.")
    files = [LOCKS / "build.txt", LOCKS / f"{name}.txt", ROOT / "pyproject.toml"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    mark = Path(session.virtualenv.location) / "accord-installed"
    if mark.exists() and mark.read_text() == digest:
        return
    mark.unlink(missing_ok=True)
    # As pip does unasked: without bytecode, where Python may not write it later, each start takes a second more.
    compiling = {"UV_COMPILE_BYTECODE": "1"}
    session.install("--require-hashes", "-r", str(files[0]), "-r", str(files[1]), env=compiling)
    session.install("--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    mark.write_text(digest)


def _run(session: nox.Session, command: str, *arguments: str, **variables: str) -> None:
    """Run a command of the shared environment, as if that were active."""
    found = {"PATH": f"{SHARED / 'bin'}{os.pathsep}{os.environ['PATH']}", "VIRTUAL_ENV": str(SHARED)}
    session.run(str(SHARED / "bin" / command), *arguments, env=found | variables, external=True)


def _passed(session: nox.Session) -> None:
    """Note that a session passed whole; once all of them did, in one run and of one commit, write that down."""
    global _begun_at  # noqa: PLW0603 - the sessions of a run share nothing else
    commit = _commit()
    _begun_at = _begun_at or commit
    _green.update({session.name} if not session.posargs and commit == _begun_at else ())
    if _green == set(nox.options.sessions or ()):
        LAST_GREEN.write_text(f"{commit}\n")
        session.log(f"All is green: {commit}")


def _commit() -> str:
    """Return the commit that is checked out, and whether anything was changed since."""
    head, changes = (
        subprocess.run(command.split(), cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603 - these two commands
        for command in ("git rev-parse HEAD", "git status --porcelain")
    )
    return f"{head} {'changed' if changes else 'clean'}"


def _become(session: nox.Session, command: str, *arguments: str) -> None:
    """Replace nox by the command, so that signals reach it and it may take its time to stop."""
    path = Path(session.bin) / command
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(path, [command, *arguments])  # noqa: S606 - our own command
