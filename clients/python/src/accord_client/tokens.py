"""The tokens of a session: where a client stores them, and how they stay fresh.

One refresh runs at a time, however many calls wait. In a process all calls await one task. Processes and clients that
share a store take its lock; the second one then finds the new tokens. A refresh replaces the tokens that it was made
with and no others, so that an account that signs in meanwhile stays signed in.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import ClassVar, Final, ParamSpec, TypeVar

import attrs

from .errors import AccordError, InvalidCredentials, Unauthorized, other_account, signed_out
from .generated.models import SignedIn

MARGIN: Final = 30.0
"""Seconds before its expiry when an access token is renewed, or a tenth of its lifetime, if that is less."""
REFRESH_TIMEOUT: Final = 2.0
"""Seconds that a call waits for a refresh while its token is still valid; then the call goes on with that token."""
LOCK_TIMEOUT: Final = 5.0
"""Seconds that a refresh waits for the lock of another process, which may be frozen.

Then both processes refresh: the service gives both the same successor.
"""
WRITE_TIMEOUT: Final = 1.0
"""Seconds that a write to the file waits for another write, which takes milliseconds.

After that the other process is frozen, or the file system has no locks. A file is always replaced as a whole.
"""
_LOOK_AGAIN: Final = 0.02
T = TypeVar("T")
P = ParamSpec("P")
_only_as: ContextVar[str | None] = ContextVar("account", default=None)


@attrs.frozen
class Tokens:
    """The tokens of one session. `repr` shows no secret."""

    access_token: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)
    expires_at: float
    """The expiry of the access token, in seconds since 1970 by the clock of this machine."""
    lifetime: float
    """The lifetime of the access token in seconds."""

    @classmethod
    def of(cls, signed_in: SignedIn) -> Tokens:
        """Return the tokens of a response that arrived just now."""
        lifetime = float(signed_in.expires_in)
        return cls(signed_in.access_token, signed_in.refresh_token, time.time() + lifetime, lifetime)

    @property
    def account(self) -> str | None:
        """The id of the account that the tokens sign in; None for a token that has no id."""
        return account_of(self.access_token)

    @property
    def is_fresh(self) -> bool:
        return self.expires_at - time.time() > min(MARGIN, self.lifetime / 10)

    @property
    def is_over(self) -> bool:
        return self.expires_at <= time.time()


def account_of(access_token: str) -> str | None:
    try:
        claims = json.loads(base64.urlsafe_b64decode(access_token.split(".")[1] + "=="))
        return str(claims["sub"])
    except (IndexError, KeyError, TypeError, ValueError):
        return None


@contextmanager
def signed_in_as(account: str | None) -> Generator[None, None, None]:
    """Send the calls of this block as this account or not at all; with None, as the account that is signed in."""
    before = _only_as.set(account)
    try:
        yield
    finally:
        _only_as.reset(before)


def is_of_another_account(access_token: str) -> bool:
    """Return whether calls in this context may not be sent with the token."""
    return _only_as.get() not in {None, account_of(access_token)}


class TokenStore(ABC):
    """Stores the tokens of one session. Clients that share a session share a store, or its file or database."""

    waits: ClassVar[bool] = False
    """Whether `save`, `clear` and `replace` may wait, such as for another process; then a thread calls them."""

    @abstractmethod
    def load(self) -> Tokens | None:
        """Return the tokens; None without a session."""

    @abstractmethod
    def save(self, tokens: Tokens) -> None:
        """Store these tokens instead of the earlier ones."""

    @abstractmethod
    def clear(self) -> None:
        """Delete the tokens."""

    def replace(self, refresh_token: str, tokens: Tokens | None) -> bool:
        """Store these tokens, or none, in place of those with this refresh token; return whether those were there.

        A store that threads or processes share does this in one step, for which `save` and `clear` wait.
        """
        kept = self.load()
        if kept is None or kept.refresh_token != refresh_token:
            return False
        if tokens is None:
            self.clear()
        else:
            self.save(tokens)
        return True

    def try_lock(self) -> bool:
        """Take the lock for a refresh, unless another client has it; a store that is not shared needs no lock."""
        return True

    def unlock(self) -> None:  # noqa: B027 - a store that is not shared needs none
        """Release the lock."""


class MemoryTokens(TokenStore):
    """Stores tokens while the process runs; safe to share between clients and threads."""

    def __init__(self) -> None:
        self._tokens: Tokens | None = None
        self._lock = threading.Lock()
        self._writing = threading.RLock()

    def load(self) -> Tokens | None:
        return self._tokens

    def save(self, tokens: Tokens) -> None:
        with self._writing:
            self._tokens = tokens

    def clear(self) -> None:
        with self._writing:
            self._tokens = None

    def replace(self, refresh_token: str, tokens: Tokens | None) -> bool:
        with self._writing:
            return super().replace(refresh_token, tokens)

    def try_lock(self) -> bool:
        return self._lock.acquire(blocking=False)

    def unlock(self) -> None:
        self._lock.release()


class FileTokens(TokenStore):
    """Stores tokens in a file that only its owner can read; safe to share between processes."""

    waits = True

    def __init__(self, path: str | os.PathLike[str], *, write_timeout: float = WRITE_TIMEOUT) -> None:
        """Take the path of the file, and the seconds that a write waits for another process that writes."""
        self._path = Path(path)
        self._write_timeout = write_timeout
        self._locked: int | None = None

    def load(self) -> Tokens | None:
        """Return the tokens of the file; None when the file is missing, or has other content."""
        try:
            return Tokens(**json.loads(self._path.read_text("utf-8")))
        except (FileNotFoundError, TypeError, ValueError):
            return None

    def save(self, tokens: Tokens) -> None:
        """Replace the file as a whole, so that no process reads half of it; mkstemp lets only the owner read it."""
        with self._alone():
            self._write(tokens)

    def clear(self) -> None:
        with self._alone():
            self._path.unlink(missing_ok=True)

    def replace(self, refresh_token: str, tokens: Tokens | None) -> bool:
        with self._alone():
            kept = self.load()
            if kept is None or kept.refresh_token != refresh_token:
                return False
            if tokens is None:
                self._path.unlink(missing_ok=True)
            else:
                self._write(tokens)
            return True

    def _write(self, tokens: Tokens) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(attrs.asdict(tokens), file)
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(self._path)

    @contextmanager
    def _alone(self) -> Generator[None, None, None]:
        """Let no other process write meanwhile. A write takes milliseconds, so the second process waits."""
        descriptor, over = self._opened("write"), time.monotonic() + self._write_timeout
        try:
            while not _is_locked(descriptor) and time.monotonic() < over:
                time.sleep(0.001)
            yield
        finally:
            os.close(descriptor)

    def _opened(self, kind: str) -> int:
        """Open a file beside the one with the tokens, which stays there and only serves as a lock."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(f"{self._path}.{kind}", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)

    def try_lock(self) -> bool:
        """Lock a file beside the one with the tokens; the system unlocks the file when the process dies."""
        descriptor = self._opened("lock")
        if not _is_locked(descriptor):
            os.close(descriptor)
            return False
        self._locked = descriptor
        return True

    def unlock(self) -> None:
        if self._locked is not None:
            os.close(self._locked)
            self._locked = None


class Session:
    """Gives every call a valid access token."""

    def __init__(self, store: TokenStore, refresh: Callable[[str], Awaitable[SignedIn]]) -> None:
        """Take the function that sends the refresh token and returns the next tokens."""
        self.store = store
        self._refresh = refresh
        self._renewing: asyncio.Task[Tokens] | None = None
        self._writing = asyncio.Lock()

    async def begin(self, signed_in: SignedIn) -> None:
        """Store the tokens of the account that signed in."""
        await self._written(self.store.save, Tokens.of(signed_in))

    async def end(self) -> str | None:
        """Delete the tokens; return the refresh token, with which the service can end the session."""
        return await self._written(self._clear)

    def _clear(self) -> str | None:
        tokens = self.store.load()
        self.store.clear()
        return tokens.refresh_token if tokens else None

    async def access_token(self, refused: str | None = None) -> str | None:
        """Return a valid access token, or None without a session; `refused` is a token that the service refused.

        Raises SignedOut when the session is over, or another account signed in meanwhile.
        """
        tokens = self.store.load()
        if tokens is None:
            return None
        if tokens.access_token != refused and tokens.is_fresh:
            return self._of_the_same(refused, tokens)
        is_good = not tokens.is_over and tokens.access_token != refused
        try:
            renewed = await asyncio.wait_for(self._renewed(refused), REFRESH_TIMEOUT if is_good else None)
        except Unauthorized:
            raise
        except (AccordError, asyncio.TimeoutError):
            # A call without a refresh goes on with a token that is valid for some seconds more.
            if tokens.is_over or tokens.access_token == refused:
                raise
            return tokens.access_token
        return self._of_the_same(tokens.access_token, renewed)

    @staticmethod
    def _of_the_same(before: str | None, tokens: Tokens) -> str:
        """Return the token, unless its account is not that of the token before: a call never changes its account."""
        known = None if before is None else account_of(before)
        if known is not None and tokens.account is not None and known != tokens.account:
            raise other_account()
        return tokens.access_token

    async def _renewed(self, refused: str | None) -> Tokens:
        """Return new tokens. A cancelled call leaves the refresh running: its response belongs to all calls."""
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew(refused))
            self._renewing.add_done_callback(self._renewal_ended)
        return await asyncio.shield(self._renewing)

    def _renewal_ended(self, task: asyncio.Task[Tokens]) -> None:
        self._renewing = None
        if not task.cancelled():
            task.exception()  # asyncio logs an exception that no code retrieved; all waiting calls may be cancelled.

    async def _renew(self, refused: str | None) -> Tokens:
        async with _locked(self.store):
            tokens = self.store.load()
            if tokens is None:
                raise signed_out()
            if tokens.is_fresh and tokens.access_token != refused:
                return tokens  # Another client of this store was first.
            try:
                renewed = Tokens.of(await self._refresh(tokens.refresh_token))
            except (InvalidCredentials, Unauthorized) as error:
                if await self._written(self.store.replace, tokens.refresh_token, None):
                    raise signed_out(error) from error
            else:
                if await self._written(self.store.replace, tokens.refresh_token, renewed):
                    return renewed
            return self._of_now()

    async def _written(self, change: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Change the content of the store, one change after the other, without blocking the event loop."""
        async with self._writing:
            if self.store.waits:
                return await asyncio.to_thread(change, *args, **kwargs)
            return change(*args, **kwargs)

    def _of_now(self) -> Tokens:
        """Return the tokens of an account that signed in while a refresh was on its way."""
        tokens = self.store.load()
        if tokens is None:
            raise signed_out()
        return tokens

    async def close(self) -> None:
        """Let a refresh that is on its way end, so that the store gets its tokens."""
        if self._renewing is not None:
            await asyncio.wait([self._renewing])


@asynccontextmanager
async def _locked(store: TokenStore) -> AsyncGenerator[None, None]:
    over = time.monotonic() + LOCK_TIMEOUT
    # Another process may have the lock, and sends no notification when it releases the lock.
    while not (is_locked := store.try_lock()) and time.monotonic() < over:  # noqa: ASYNC110 - see above
        await asyncio.sleep(_LOOK_AGAIN)
    try:
        yield
    finally:
        if is_locked:
            store.unlock()


if sys.platform == "win32":
    import msvcrt

    def _lock_file(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock_file(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_locked(descriptor: int) -> bool:
    """Lock the file, unless another process has it locked; return whether this process has the lock."""
    try:
        _lock_file(descriptor)
    except OSError:
        return False
    return True
