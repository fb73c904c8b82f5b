"""One connection as the hub sees it: the keys that it follows, and a bounded queue of frames that are to be sent."""

import asyncio
from collections import deque
from collections.abc import Container
from typing import TYPE_CHECKING

from accord.context import ANONYMOUS, Caller
from accord.live import frames

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_FRAMES = 1000
MOST_BYTES = 1024 * 1024
_NO_KEY = ""
_TOO_SLOW = "You read too slowly; connect again and resume from your last position."


class Subscriber:
    """Frames are put without waiting and taken by one sender; whoever reads too slowly is closed."""

    __slots__ = (
        "_bytes",
        "_frames",
        "_room",
        "_taker",
        "_waiting",
        "caller",
        "closing",
        "interrupt",
        "keys",
        "starting",
    )

    def __init__(self) -> None:
        """Begin with nobody signed in, and no key."""
        self.caller: Caller = ANONYMOUS
        self.keys: dict[str, tuple[str, ...]] = {}
        """What is followed, each with the records that this rests on."""
        self.starting: set[str] = set()
        """Keys whose subscription is on its way: what happens to them follows what was missed."""
        self.closing: tuple[int, str] | None = None
        self.interrupt: Callable[[], object] | None = None
        """Ends a sending that waits for the client to read."""
        self._frames: deque[tuple[str, str]] = deque()
        """Frames, each with the key that it is a change of; those that are no change have none."""
        self._bytes = 0
        self._waiting: list[tuple[str, str]] = []
        self._room: asyncio.Future[None] | None = None
        self._taker: asyncio.Future[None] | None = None

    def put_change(self, change: tuple[str, str]) -> None:
        """Queue a change, which is its key and its frame; one of a key that is only starting waits until that began."""
        if self.starting and change[0] in self.starting:
            self._waiting.append(change)
            if len(self._waiting) > MOST_FRAMES:
                self.close(frames.SLOW_READER, _TOO_SLOW)
        else:
            self._put(change)

    def put(self, frame: str) -> None:
        """Queue a frame that is no change."""
        self._put((_NO_KEY, frame))

    def put_missed(self, key: str, frame: str) -> None:
        """Queue a change that is replayed."""
        self._put((key, frame))

    def drop(self, keys: Container[str], ending: str) -> None:
        """Drop queued changes of keys that may no longer be followed; the newest of the key `ending` told of that."""
        kept: deque[tuple[str, str]] = deque()
        is_told = False
        for change in reversed(self._frames):
            key, frame = change
            tells = key == ending and not is_told
            is_told = is_told or tells
            if tells or key not in keys:
                kept.appendleft(change)
            else:
                self._bytes -= len(frame)
        self._frames = kept
        if self._has_room():
            _wake(self._room)

    def _put(self, change: tuple[str, str]) -> None:
        if self.closing is not None:
            return
        self._frames.append(change)
        self._bytes += len(change[1])
        if len(self._frames) > MOST_FRAMES or self._bytes > MOST_BYTES:
            self.close(frames.SLOW_READER, _TOO_SLOW)
        else:
            _wake(self._taker)

    def begun(self) -> None:
        """Let the changes follow that came while subscriptions were starting."""
        waiting, self._waiting = self._waiting, []
        self.starting.clear()
        for change in waiting:
            if change[0] in self.keys:
                self._put(change)

    def stop(self, key: str) -> None:
        """Follow the key no more; what happened to it while it was starting is told to nobody later."""
        self.keys.pop(key, None)
        if key in self.starting:
            self.starting.discard(key)
            self._waiting = [change for change in self._waiting if change[0] != key]

    async def take(self) -> str | None:
        """Return the next frame, waiting for one; None when the connection is to be closed."""
        while not self._frames:
            if self.closing is not None:
                return None
            self._taker = asyncio.get_running_loop().create_future()
            try:
                await self._taker
            finally:
                self._taker = None
        _, frame = self._frames.popleft()
        self._bytes -= len(frame)
        if self._room is not None and self._has_room():
            _wake(self._room)
        return frame

    def next_frame(self) -> str | None:
        """Return the frame that is to follow, if it is here already."""
        return self._frames[0][1] if self._frames else None

    async def room(self) -> None:
        """Wait until the queue is half empty, so that what is replayed does not count as reading slowly."""
        while self.closing is None and not self._has_room():
            self._room = asyncio.get_running_loop().create_future()
            try:
                await self._room
            finally:
                self._room = None

    def close(self, code: int, reason: str) -> None:
        """End the connection; what was not sent is dropped, as the client resumes from its last position."""
        if self.closing is not None:
            return
        self.closing = code, reason
        self._frames.clear()
        self._waiting.clear()
        _wake(self._room)
        if self._taker is not None:
            _wake(self._taker)
        elif self.interrupt is not None:
            self.interrupt()

    def _has_room(self) -> bool:
        return len(self._frames) <= MOST_FRAMES // 2 and self._bytes <= MOST_BYTES // 2


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
