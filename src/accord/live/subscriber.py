"""One connection, as the hub sees it: its keys, and a bounded queue of frames to send."""

import asyncio
from collections import deque
from collections.abc import Callable, Container

from accord.context import ANONYMOUS, Caller
from accord.live import frames

MAX_FRAMES = 1000
MAX_BYTES = 1024 * 1024
WriteFrame = Callable[[bytes], bool]
_NO_KEY = ""
_TOO_SLOW = "You read too slowly; connect again and resume from your last position."


class Subscriber:
    """Frames are put without waiting and taken by one sender; a connection that reads too slowly is closed."""

    __slots__ = (
        "_bytes",
        "_capacity",
        "_frames",
        "_taker",
        "_waiting",
        "_write_frame",
        "caller",
        "cancel_send",
        "closing",
        "keys",
        "starting",
    )

    def __init__(self, write_frame: WriteFrame | None = None) -> None:
        """Begin anonymous and without keys; `write_frame` sends a whole frame at once, or says that it cannot."""
        self._write_frame = write_frame
        self.caller: Caller = ANONYMOUS
        self.keys: dict[str, tuple[str, ...]] = {}
        """The followed keys, each with the records that access rests on."""
        self.starting: set[str] = set()
        """Keys whose subscription is beginning: their live changes wait until the missed ones are queued."""
        self.closing: tuple[int, str] | None = None
        self.cancel_send: Callable[[], object] | None = None
        """Cancels a send that waits for the client to read."""
        self._frames: deque[tuple[str, str]] = deque()
        """Frames, each with the key of its change; other frames have the empty key."""
        self._bytes = 0
        self._waiting: list[tuple[str, str]] = []
        self._capacity: asyncio.Future[None] | None = None
        self._taker: asyncio.Future[None] | None = None

    def put_change(self, change: tuple[str, str], frame: bytes) -> None:
        """Send a change, or queue it; it waits while the subscription of its key is beginning.

        The change is a key and a text; the frame is that text as WebSocket has it, the same for all subscribers.
        """
        if self.closing is not None:
            return
        if self.starting and change[0] in self.starting:
            self._waiting.append(change)
            if len(self._waiting) > MAX_FRAMES:
                self.close(frames.SLOW_READER, _TOO_SLOW)
        # A sender that waits has sent all frames before this one.
        elif self._write_frame is None or self._taker is None or self._frames or not self._write_frame(frame):
            self._put(change)

    def put(self, frame: str) -> None:
        """Queue a frame that belongs to no key."""
        self._put((_NO_KEY, frame))

    def put_missed(self, key: str, frame: str) -> None:
        """Queue a replayed change."""
        self._put((key, frame))

    def drop(self, keys: Container[str], ending: str) -> None:
        """Drop queued changes of keys whose access ended, except the newest of the key `ending`, which tells of it."""
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
        if self._has_capacity():
            _wake(self._capacity)

    def _put(self, change: tuple[str, str]) -> None:
        if self.closing is not None:
            return
        self._frames.append(change)
        self._bytes += len(change[1])
        if len(self._frames) > MAX_FRAMES or self._bytes > MAX_BYTES:
            self.close(frames.SLOW_READER, _TOO_SLOW)
        else:
            _wake(self._taker)

    def begun(self) -> None:
        """Queue the changes that came while subscriptions were beginning."""
        waiting, self._waiting = self._waiting, []
        self.starting.clear()
        for change in waiting:
            if change[0] in self.keys:
                self._put(change)

    def stop(self, key: str) -> None:
        """End a subscription, and drop the changes that waited for its beginning."""
        self.keys.pop(key, None)
        if key in self.starting:
            self.starting.discard(key)
            self._waiting = [change for change in self._waiting if change[0] != key]

    async def take(self) -> str | None:
        """Wait for the next frame and return it; None when the connection is to be closed."""
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
        if self._capacity is not None and self._has_capacity():
            _wake(self._capacity)
        return frame

    def next_frame(self) -> str | None:
        """Return the next frame without taking it; None when the queue is empty."""
        return self._frames[0][1] if self._frames else None

    async def wait_for_capacity(self) -> None:
        """Wait until the queue is half empty, so that a replay does not count as slow reading."""
        while self.closing is None and not self._has_capacity():
            self._capacity = asyncio.get_running_loop().create_future()
            try:
                await self._capacity
            finally:
                self._capacity = None

    def close(self, code: int, reason: str) -> None:
        """End the connection and drop unsent frames: the client resumes from its last position."""
        if self.closing is not None:
            return
        self.closing = code, reason
        self._frames.clear()
        self._waiting.clear()
        _wake(self._capacity)
        if self._taker is not None:
            _wake(self._taker)
        elif self.cancel_send is not None:
            self.cancel_send()

    def _has_capacity(self) -> bool:
        return len(self._frames) <= MAX_FRAMES // 2 and self._bytes <= MAX_BYTES // 2


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
