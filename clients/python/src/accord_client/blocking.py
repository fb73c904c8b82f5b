"""The client for code that waits: the same, run by an event loop of its own in a thread.

So one refresh, one live connection and one queue serve all threads that use the client. A thread that is
interrupted while waiting (KeyboardInterrupt) cancels its call.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from types import TracebackType
from typing import ParamSpec, TypeVar
from uuid import UUID

import httpx
from websockets.asyncio.client import connect

from . import cache as asynchronous_cache
from . import conflicts, pages
from . import live as asynchronous_live
from .cache import Event, Outcome
from .changes import Resync
from .client import AsyncAccord
from .generated.metadata import RecordOperation
from .generated.models import AnyRecord, Change, Job, RecordPointer, TableName, User
from .generated.operations import Operations
from .generated.types import Model
from .pages import Page
from .tokens import TokenStore

T = TypeVar("T")
R = TypeVar("R")
W = TypeVar("W")
P = ParamSpec("P")


class Accord(Operations):
    """A client of Accord for code that waits; any number of threads may use it.

    Use it as `with Accord("https://accord.example.org") as accord`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        tokens: TokenStore | None = None,
        retries: int = 3,
        timeout: float = 30.0,
        headers: Mapping[str, str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        web_socket: asynchronous_live.WebSocket = connect,
    ) -> None:
        """Take what AsyncAccord takes."""
        self._loop = _Loop()

        async def made() -> AsyncAccord:
            return AsyncAccord(
                base_url,
                tokens=tokens,
                retries=retries,
                timeout=timeout,
                headers=headers,
                ssl_context=ssl_context,
                transport=transport,
                web_socket=web_socket,
            )

        self._client = self._loop.wait_for(made())
        self.live = Live(self._loop, self._client.live)
        """The follower of changes: `with accord.live.follow(key) as changes`."""

    def __enter__(self) -> Accord:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection. The session stays: a client over the same token store goes on with it."""
        if self._loop.is_running:
            self._loop.wait_for(self._client.close())
            self._loop.stop()

    def sign_in(self, email: str, password: str) -> User:
        """Sign in, and keep the tokens in the store. Raises InvalidCredentials and AccountLocked."""
        return self._wait_for(self._client.sign_in(email, password))

    def sign_out(self) -> None:
        """End the session, here and on the service."""
        self._wait_for(self._client.sign_out())

    def iterate(self, list_: Callable[P, Page[T]], *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        """Yield every item of a list, page after page: `for user in accord.iterate(accord.list_users, limit=100)`."""
        return pages.iterate_waiting(list_, *args, **kwargs)

    def update_with_retry(self, read: Callable[[], R], change: Callable[[R], W], *, attempts: int = 10) -> W:
        """Read a record and change it; when it has moved on meanwhile, read and change it again.

        Raises VersionConflict after the last attempt.
        """
        return conflicts.update_with_retry_waiting(read, change, attempts=attempts)

    def wait_for_job(self, job_id: UUID) -> Job:
        """Return a job once it has ended; raise the error of its problem, if it has one.

        `result["body"]` of a completed job of an operation is the response. A cancelled job has no result.
        """
        return self._wait_for(self._client.wait_for_job(job_id))

    def cache(self) -> Cache:
        """Return a cache of records of its own, which works on while the service is out of reach."""
        return Cache(self._loop, self._loop.call(self._client.cache))

    @property
    def _asynchronous(self) -> AsyncAccord:
        return self._client

    def _wait_for(self, call: Coroutine[object, object, T]) -> T:
        return self._loop.wait_for(call)

    def _iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        return self._loop.iterate(items)


class Live:
    """Follows keys."""

    def __init__(self, loop: _Loop, live: asynchronous_live.Live) -> None:
        self._loop = loop
        self._live = live

    @contextmanager
    def follow(self, *keys: str, after: str | None = None) -> Generator[Iterator[Change | Resync], None, None]:
        """Follow keys from now, or from a cursor: `with accord.live.follow(key) as changes`.

        Every change after the block was entered is delivered. Raises NotFound when a key may not be followed, here
        or, when that comes later, from the iteration.
        """
        with self._loop.entered(self._live.follow(*keys, after=after)) as changes:
            yield self._loop.iterate(changes)

    def disconnect(self) -> None:
        """Cut the connection, as when the network goes; it comes back by itself."""
        self._loop.call(self._live.disconnect)

    @property
    def is_connected(self) -> bool:
        """Whether the WebSocket is open: while keys are followed, and not during a reconnect."""
        return self._live.is_connected


class Cache:
    """Records by table and id. Made by `accord.cache()`."""

    def __init__(self, loop: _Loop, cache: asynchronous_cache.Cache) -> None:
        self._loop = loop
        self._cache = cache

    @property
    def pending(self) -> int:
        """How many transactions were not made yet."""
        return self._cache.pending

    def get(self, table: TableName, record_id: UUID) -> AnyRecord | None:
        """Return a record as it looks with all that is pending; None when it is not here."""
        return self._loop.call(lambda: self._cache.get(table, record_id))

    def put(self, table: TableName, record: Model) -> None:
        """Take a record that was read in another way; an older version than the one here changes nothing."""
        self._loop.call(lambda: self._cache.put(table, record))

    def load(self, pointers: Iterable[RecordPointer]) -> None:
        """Read records from the service; what is not there for the caller is removed here."""
        self._loop.wait_for(self._cache.load(pointers))

    def listen(self, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Call this for each event, in the thread of the client, which it must not wait for; return what ends it."""
        end = self._loop.call(lambda: self._cache.listen(callback))
        return lambda: self._loop.call(end)

    def transact(self, operations: Sequence[RecordOperation]) -> Outcome:
        """Change records together, or none of them; the cache shows the change before the response."""
        return self._loop.wait_for(self._cache.transact(operations))

    def undo(self) -> Outcome | None:
        """Take the last transaction of this cache back, by another one; None when there is nothing to undo."""
        return self._loop.wait_for(self._cache.undo())

    def redo(self) -> Outcome | None:
        """Make again what was undone last; None when there is nothing to redo."""
        return self._loop.wait_for(self._cache.redo())

    def flush(self) -> bool:
        """Send what is queued now; return whether all of it was made or refused."""
        return self._loop.wait_for(self._cache.flush())

    @contextmanager
    def follow(self, table: TableName, record_id: UUID) -> Generator[None, None, None]:
        """Keep a record current as long as the block runs. Raises NotFound when it may not be followed."""
        with self._loop.entered(self._cache.follow(table, record_id)):
            yield

    @contextmanager
    def follow_list(self, key: str) -> Generator[None, None, None]:
        """Keep the records of a list current as long as the block runs: each is read when it changes or comes.

        Read the present records of the list inside the block, and `put` here; after a Resync, again.
        Raises NotFound when it may not be followed.
        """
        with self._loop.entered(self._cache.follow_list(key)):
            yield


class _Loop:
    """An event loop in a thread that ends with the program."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="accord-client", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self._loop.is_running()

    def wait_for(self, call: Coroutine[object, object, T]) -> T:
        """Run a coroutine there and wait for it; who is interrupted cancels it."""
        if threading.current_thread() is self._thread:
            call.close()
            raise RuntimeError("A callback of the client must not wait for the client.")
        future = asyncio.run_coroutine_threadsafe(_awaited(call), self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def call(self, function: Callable[[], T]) -> T:
        """Call a function there, so that nothing else runs meanwhile."""
        if threading.current_thread() is self._thread:
            return function()

        async def called() -> T:
            return function()

        return self.wait_for(called())

    def iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        """Wait for each item."""
        with suppress(StopAsyncIteration):
            while True:
                yield self.wait_for(_next(items))

    @contextmanager
    def entered(self, manager: AbstractAsyncContextManager[T]) -> Generator[T, None, None]:
        """Enter an asynchronous context there, and leave it when the block ends."""
        value = self.wait_for(manager.__aenter__())
        try:
            yield value
        finally:
            self.wait_for(manager.__aexit__(None, None, None))

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _awaited(call: Awaitable[T]) -> T:
    return await call


async def _next(items: AsyncIterator[T]) -> T:
    return await items.__anext__()
