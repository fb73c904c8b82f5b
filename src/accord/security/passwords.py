"""Password hashing in a bounded pool of low-priority threads, and what makes a password too weak.

The stored text names its scheme. New hashes are argon2id; bcrypt (`$2b$…`) and scrypt (`$scrypt$ln=…`) hashes
that came from another system verify too, and `needs_rehash` says to replace them at the next login.
"""

import asyncio
import base64
import hashlib
import hmac
import os
import re
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from typing import ParamSpec, TypeVar

import argon2

from accord.problems import ServiceUnavailable
from accord.settings import Settings

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
_SHORTEST, _LONGEST = 8, 128
_NICENESS = 19
_SCRYPT = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/.]+)\$([A-Za-z0-9+/.]+)")
_SCRYPT_MEMORY = 256 * 1024 * 1024


class Passwords:
    """Hashes and verifies without holding up the event loop."""

    def __init__(self, settings: Settings) -> None:
        """Start the threads, and hash once for the verifications that only have to take their time."""
        threads = hashing_threads(settings)
        self._hasher = argon2.PasswordHasher(
            settings.argon2_time_cost, settings.argon2_memory_kib, settings.argon2_parallelism
        )
        self._pool = ThreadPoolExecutor(threads, "password", _yield_to_the_event_loop)
        self._max_pending = threads + settings.argon2_queue
        self._pending = 0
        self._dummy = self._hasher.hash("no account has this password")

    @property
    def pending(self) -> int:
        """How many hashes run or wait now."""
        return self._pending

    async def hash(self, password: str) -> str:
        """Hash with the current parameters. Raises ServiceUnavailable when too many wait."""
        return await self._run(self._hasher.hash, _encoded(password))

    async def verify(self, password: str, stored: str) -> bool:
        """Say whether the password made the stored hash. Raises ServiceUnavailable when too many wait."""
        return await self._run(self._matches, password, stored)

    async def verify_dummy(self, password: str) -> bool:
        """Take as long as `verify` and return False, so that the time of a login does not reveal accounts."""
        await self._run(self._matches, password, self._dummy)
        return False

    def needs_rehash(self, stored: str) -> bool:
        """Say whether the hash has another scheme, or other parameters, than a new one would have."""
        return not stored.startswith("$argon2id$") or self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        """Drop what waits, and let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(
        self, work: Callable[_Arguments, _Result], *args: _Arguments.args, **kwargs: _Arguments.kwargs
    ) -> _Result:
        if self._pending >= self._max_pending:
            raise ServiceUnavailable("Too many people are signing in at this moment. Try again shortly.")
        self._pending += 1
        try:
            return await asyncio.wrap_future(self._pool.submit(work, *args, **kwargs))
        finally:
            self._pending -= 1

    def _matches(self, password: str, stored: str) -> bool:
        if stored.startswith(("$2a$", "$2b$", "$2y$")):
            return _matches_bcrypt(password, stored)
        if stored.startswith("$scrypt$"):
            return _matches_scrypt(password, stored)
        try:
            return self._hasher.verify(stored, _encoded(password))
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False


def weakness(password: str, *, email: str, names: Iterable[str]) -> str | None:
    """Say what is wrong with a new password, or None. Length counts code points."""
    password = unicodedata.normalize("NFC", password)
    if not _SHORTEST <= len(password) <= _LONGEST:
        return f"must have {_SHORTEST} to {_LONGEST} characters"
    folded = password.lower()
    if folded in _common_passwords():
        return "is one of the 10,000 most common passwords; choose another"
    if folded in _own_words(email, [unicodedata.normalize("NFC", name.strip()).lower() for name in names]):
        return "must not be your own e-mail address or name"
    return None


def _own_words(email: str, names: list[str]) -> set[str]:
    address = unicodedata.normalize("NFC", email.strip()).lower()
    full = {glue.join(order) for glue in ("", " ") for order in (names, names[::-1])}
    return {address, address.partition("@")[0], *names, *full}


@cache
def _common_passwords() -> frozenset[str]:
    text = files("accord.security").joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(text.partition("\n\n")[2].split())


def _encoded(password: str) -> bytes:
    """One text has one hash, however a keyboard composed it (RFC 8265); a lone surrogate is no error."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _matches_bcrypt(password: str, stored: str) -> bool:
    import bcrypt  # noqa: PLC0415  only services that took accounts over from another system need it

    try:
        # The system that made the hash cut the password at 72 bytes, as bcrypt did for decades; now bcrypt fails.
        return bcrypt.checkpw(password.encode("utf-8", "surrogatepass")[:72], stored.encode())
    except ValueError:
        return False


def _matches_scrypt(password: str, stored: str) -> bool:
    match = _SCRYPT.fullmatch(stored)
    if match is None:
        return False
    cost, block, lanes = map(int, match.groups()[:3])
    try:
        salt, expected = _unpacked(match[4]), _unpacked(match[5])
        secret = password.encode("utf-8", "surrogatepass")
        made = hashlib.scrypt(
            secret, salt=salt, n=2**cost, r=block, p=lanes, maxmem=_SCRYPT_MEMORY, dklen=len(expected)
        )
    except (ValueError, TypeError, OverflowError, MemoryError):
        return False
    return hmac.compare_digest(made, expected)


def _unpacked(text: str) -> bytes:
    """Decode the unpadded Base64 of hash strings, where some writers use a dot for the plus sign."""
    return base64.b64decode(text.replace(".", "+") + "=" * (-len(text) % 4))


def hashing_threads(settings: Settings) -> int:
    """Leave one core to the event loop: hashing on all of them lets every other request wait."""
    if settings.argon2_threads:
        return settings.argon2_threads
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, cores - 1)


def _yield_to_the_event_loop() -> None:
    """On Linux niceness belongs to the thread: requests in flight come before hashes."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
