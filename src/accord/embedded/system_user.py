"""The system account of embedded PostgreSQL, which refuses to run as root: a root process runs it as this account.

The account must reach the binaries and the data folder, which may be in a home folder that is closed to others. An
access list entry for this account alone lets the account pass, and keeps the home closed to other users.
"""

import os
import pwd
import stat
import struct
import subprocess
import time
from pathlib import Path

from accord.embedded.server import EmbeddedError
from accord.telemetry import logs

NAME = "accord-postgres"
_ACL = "system.posix_acl_access"
_HEADER, _ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_VERSION, _NOBODY = 2, 0xFFFFFFFF
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 1, 2, 4, 16, 32
_EXECUTE = 1


def needed() -> pwd.struct_passwd | None:
    """Return the account to run PostgreSQL as, or None when this process is not root."""
    return _account() if os.geteuid() == 0 else None


def let_reach(user: pwd.struct_passwd, path: Path) -> None:
    """Let this user, and no other, pass through every folder above the path."""
    for folder in path.resolve().parents:
        mode = folder.stat()
        owns = mode.st_uid == user.pw_uid and mode.st_mode & stat.S_IXUSR
        if not owns and not mode.st_mode & stat.S_IXOTH:
            _let_pass(user, folder)


def _account() -> pwd.struct_passwd:
    problem = ""
    for _ in range(20):  # of two concurrent starts, the second finds the account, or /etc/passwd locked
        try:
            return pwd.getpwnam(NAME)
        except KeyError:
            problem = _create_account()
        time.sleep(0.1)
    raise EmbeddedError(
        f"PostgreSQL cannot run as root, and the account {NAME} cannot be created ({problem}). "
        "Run Accord as an ordinary user, or set DATABASE_URL."
    )


def _create_account() -> str:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
    except FileNotFoundError:
        return "useradd is not installed"
    if done.returncode == 0:
        logs.info(
            "A system account was created: PostgreSQL does not run as root.", account=NAME, undo=f"userdel {NAME}"
        )
    return done.stderr.strip()


def _let_pass(user: pwd.struct_passwd, folder: Path) -> None:
    before = _read(folder)
    entries = dict(before)
    entries[_USER, user.pw_uid] = entries.get((_USER, user.pw_uid), 0) | _EXECUTE
    entries[_MASK, _NOBODY] = entries.get((_MASK, _NOBODY), entries[_GROUP_OBJ, _NOBODY]) | _EXECUTE
    if entries == before:
        return
    packed = b"".join(_ENTRY.pack(tag, entries[tag, who], who) for tag, who in sorted(entries))
    try:
        os.setxattr(folder, _ACL, _HEADER.pack(_VERSION) + packed)
    except (OSError, AttributeError) as refused:
        raise EmbeddedError(
            f"The account {NAME} cannot pass through {folder}. Run `chmod o+x {folder}`, choose another "
            "data folder, run Accord as an ordinary user, or set DATABASE_URL."
        ) from refused
    undo = f"setfacl -x u:{NAME} {folder}"
    logs.info("An access list entry lets PostgreSQL's account pass through a folder.", folder=str(folder), undo=undo)


def _read(folder: Path) -> dict[tuple[int, int], int]:
    """Return the access list as {(tag, id): permissions}; without an access list, the permissions of the mode."""
    try:
        packed = os.getxattr(folder, _ACL)[_HEADER.size :]
    except (OSError, AttributeError):
        mode = folder.stat().st_mode
        return {
            (_USER_OBJ, _NOBODY): mode >> 6 & 7,
            (_GROUP_OBJ, _NOBODY): mode >> 3 & 7,
            (_OTHER, _NOBODY): mode & 7,
        }
    return {(tag, who): permissions for tag, permissions, who in _ENTRY.iter_unpack(packed)}
