"""The tokens of a session: where they are kept, and how they stay fresh.

However many calls wait, one refresh is on its way: in this process by a task that all await, between processes (and
clients) that share a store by the store's lock, behind which whoever comes second finds the new tokens. What a refresh
brings replaces the tokens that it was made with and no others, so that whoever signs in meanwhile stays signed in.
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
"""Seconds before its end when an access token is renewed, or a tenth of its life, whichever is less."""
TIMEOUT: Final = 2.0
"""Seconds that a call waits for a refresh while its token is still good; then it goes on with that."""
LOCK_TIMEOUT: Final = 5.0
"""Seconds that a refresh waits for the lock of another that may be frozen.

Then it refreshes, too: the service gives both the same successor.
"""
WRITE_TIMEOUT: Final = 1.0
"""Seconds that a write to the file waits for another, which takes milliseconds.

Then that process is frozen, or the file system has no locks: the file is replaced as a whole all the same.
"""
_LOOK_AGAIN: Final = 0.02
T = TypeVar("T")
P = ParamSpec("P")
_only_as: ContextVar[str | None] = ContextVar("account", default=None)


@attrs.frozen
class Tokens:
    """What a store keeps. `repr` shows no secret."""

    access_token: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)
    expires_at: float
    """When the access token ends, in seconds since 1970 by the clock of this machine."""
    lifetime: float
    """Seconds that the access token lives altogether."""

    @classmethod
    def of(cls, signed_in: SignedIn) -> Tokens:
        """Return the tokens of an answer that came just now."""
        lifetime = float(signed_in.expires_in)
        return cls(signed_in.access_token, signed_in.refresh_token, time.time() + lifetime, lifetime)

    @property
    def account(self) -> str | None:
        """The id of the account that they sign in; None of a token that does not tell."""
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
    """Send calls of this block as this account or not at all; as whoever is signed in when it is None."""
    before = _only_as.set(account)
    try:
        yield
    finally:
        _only_as.reset(before)


def is_of_another_account(access_token: str) -> bool:
    """Return whether calls in this context may not be sent with the token."""
    return _only_as.get() not in {None, account_of(access_token)}


class TokenStore(ABC):
    """Keeps the tokens of one session. Clients that share a session share the store, or what is behind it."""

    waits: ClassVar[bool] = False
    """Whether `save`, `clear` and `replace` may wait, for another process say; then a thread calls them."""

    @abstractmethod
    def load(self) -> Tokens | None:
        """Return the tokens; None when nobody is signed in."""

    @abstractmethod
    def save(self, tokens: Tokens) -> None:
        """Keep these instead of those before."""

    @abstractmethod
    def clear(self) -> None:
        """Forget them."""

    def replace(self, refresh_token: str, tokens: Tokens | None) -> bool:
        """Keep these, or none, instead of those with this refresh token; return whether those were still kept.

        A store that threads or processes share makes it one step, beside which `save` and `clear` wait.
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
        """Take the lock of whoever refreshes, unless it is taken; a store that is not shared needs none."""
        return True

    def unlock(self) -> None:  # noqa: B027 - a store that is not shared needs none
        """Give the lock back."""


class MemoryTokens(TokenStore):
    """Keeps tokens as long as the process lives; safe to share between clients and threads."""

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
    """Keeps tokens in a file that only its owner can read; safe to share between processes."""

    waits = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._locked: int | None = None

    def load(self) -> Tokens | None:
        """Return what is in the file; one that is missing or not ours is as if nobody were signed in."""
        try:
            return Tokens(**json.loads(self._path.read_text("utf-8")))
        except (FileNotFoundError, TypeError, ValueError):
            return None

    def save(self, tokens: Tokens) -> None:
        """Replace the file at once, so that nobody reads half of it; mkstemp makes it readable for its owner only."""
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
        """Let no other process write meanwhile; that takes milliseconds, so whoever comes second waits."""
        descriptor, over = self._opened("write"), time.monotonic() + WRITE_TIMEOUT
        try:
            while not _is_locked(descriptor) and time.monotonic() < over:
                time.sleep(0.001)
            yield
        finally:
            os.close(descriptor)

    def _opened(self, kind: str) -> int:
        """Open a file beside the other, which stays and is there to be locked."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(f"{self._path}.{kind}", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)

    def try_lock(self) -> bool:
        """Lock a file beside the other; the system unlocks it when the process dies."""
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
    """Gives every call a good access token."""

    def __init__(self, store: TokenStore, refresh: Callable[[str], Awaitable[SignedIn]]) -> None:
        """Take what sends the refresh token and returns the next tokens."""
        self.store = store
        self._refresh = refresh
        self._renewing: asyncio.Task[Tokens] | None = None
        self._writing = asyncio.Lock()

    async def begin(self, signed_in: SignedIn) -> None:
        """Keep the tokens of whoever signed in."""
        await self._written(self.store.save, Tokens.of(signed_in))

    async def end(self) -> str | None:
        """Forget the tokens; return the refresh token, with which the service can end the session."""
        return await self._written(self._forget)

    def _forget(self) -> str | None:
        tokens = self.store.load()
        self.store.clear()
        return tokens.refresh_token if tokens else None

    async def access_token(self, refused: str | None = None) -> str | None:
        """Return a good access token, or None when nobody is signed in; `refused` is one that was not good.

        Raises SignedOut when the session is over, or somebody else signed in meanwhile.
        """
        tokens = self.store.load()
        if tokens is None:
            return None
        if tokens.access_token != refused and tokens.is_fresh:
            return self._of_the_same(refused, tokens)
        is_good = not tokens.is_over and tokens.access_token != refused
        try:
            renewed = await asyncio.wait_for(self._renewed(refused), TIMEOUT if is_good else None)
        except Unauthorized:
            raise
        except (AccordError, asyncio.TimeoutError):
            # Whoever cannot refresh now may go on with a token that is good for some seconds more.
            if tokens.is_over or tokens.access_token == refused:
                raise
            return tokens.access_token
        return self._of_the_same(tokens.access_token, renewed)

    @staticmethod
    def _of_the_same(before: str | None, tokens: Tokens) -> str:
        """Return the token unless it is another account's than the one before: a call is never made as another."""
        known = None if before is None else account_of(before)
        if known is not None and tokens.account is not None and known != tokens.account:
            raise other_account()
        return tokens.access_token

    async def _renewed(self, refused: str | None) -> Tokens:
        """Return new tokens. A caller that is cancelled leaves the refresh alone: its answer belongs to all."""
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew(refused))
            self._renewing.add_done_callback(self._renewal_ended)
        return await asyncio.shield(self._renewing)

    def _renewal_ended(self, task: asyncio.Task[Tokens]) -> None:
        self._renewing = None
        if not task.cancelled():
            task.exception()  # Somebody has to look at it, also when all who waited were cancelled.

    async def _renew(self, refused: str | None) -> Tokens:
        async with _locked(self.store):
            tokens = self.store.load()
            if tokens is None:
                raise signed_out()
            if tokens.is_fresh and tokens.access_token != refused:
                return tokens  # Another client of this store was first.
            try:
                renewed = Tokens.of(await self._refresh(tokens.refresh_token))
            except (InvalidCredentials, Unauthorized) as refusal:
                if await self._written(self.store.replace, tokens.refresh_token, None):
                    raise signed_out(refusal) from refusal
            else:
                if await self._written(self.store.replace, tokens.refresh_token, renewed):
                    return renewed
            return self._of_now()

    async def _written(self, change: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Change what the store keeps, one change after the other, and without holding the event loop up."""
        async with self._writing:
            if self.store.waits:
                return await asyncio.to_thread(change, *args, **kwargs)
            return change(*args, **kwargs)

    def _of_now(self) -> Tokens:
        """Return the tokens of whoever signed in while a refresh was on its way."""
        tokens = self.store.load()
        if tokens is None:
            raise signed_out()
        return tokens

    async def close(self) -> None:
        """Let a refresh that is on its way end, so that its answer is kept."""
        if self._renewing is not None:
            await asyncio.wait([self._renewing])


@asynccontextmanager
async def _locked(store: TokenStore) -> AsyncGenerator[None, None]:
    over = time.monotonic() + LOCK_TIMEOUT
    # Another process may have it, and tells nobody when it is done.
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
    """Lock the file, unless somebody else has it locked; return whether it is ours."""
    try:
        _lock_file(descriptor)
    except OSError:
        return False
    return True
