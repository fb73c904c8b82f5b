"""Writers and followers for a storm: everything is cut now and then, and in the end all must agree (L-8)."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
from live_client import LiveSocket, open_socket
from websockets.exceptions import ConnectionClosed, InvalidHandshake

LOST = (OSError, EOFError, TimeoutError, ConnectionClosed, InvalidHandshake)
"""What a client sees of a process that is gone, and of its own connection that was cut."""


@dataclass
class Writer:
    """Changes one account again and again, from the version that it knows."""

    user_id: str
    token: str
    urls: Callable[[], str]
    version: int = 1
    saved: int = 0
    is_over: bool = False

    @property
    def key(self) -> str:
        return f"getRecord:users:{self.user_id}"

    async def run(self, http: httpx.AsyncClient, interval: float) -> None:
        while not self.is_over:
            started = time.monotonic()
            try:
                await self._save(http)
            except httpx.TransportError:
                await self.look(http)
            await asyncio.sleep(max(0.0, started + interval - time.monotonic()))

    async def _save(self, http: httpx.AsyncClient) -> None:
        body = {"expectedVersion": self.version, "firstName": f"Grace {self.version}"}
        response = await http.patch(f"{self.urls()}/api/v1/me", json=body, headers=self._headers)
        if response.status_code == 200:
            self.version = response.json()["version"]
            self.saved += 1
        else:
            assert response.status_code in {409, 503, 504}, response.text
            await self.look(http)

    async def look(self, http: httpx.AsyncClient) -> int:
        """Read the version, however often it takes."""
        while True:
            with suppress(httpx.TransportError):
                response = await http.get(f"{self.urls()}/api/v1/me", headers=self._headers)
                if response.status_code == 200:
                    self.version = response.json()["version"]
                    return self.version
            await asyncio.sleep(0.05)

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}


@dataclass
class Followed:
    """What a follower knows of one key: the state that the frames add up to."""

    position: int | None = None
    cursor: str | None = None
    version: int = 0
    seen: dict[int, int] = field(default_factory=dict)
    """Versions by position: de-duplicated."""
    reloads: int = 0


@dataclass
class Follower:
    """Keeps its keys up to date over sockets that are cut at random moments."""

    token: str
    keys: list[str]
    urls: Callable[[], str]
    chance: random.Random
    known: dict[str, Followed] = field(default_factory=dict)
    cuts: int = 0
    duplicates: int = 0
    calm: bool = False
    """Whether it is to stay connected from now on."""

    async def run(self) -> None:
        self.known = {key: Followed() for key in self.keys}
        while True:
            with suppress(*LOST):
                async with asyncio.timeout(None) as life, open_socket(self.urls()) as socket:
                    if not self.calm:
                        life.reschedule(asyncio.get_running_loop().time() + self.chance.uniform(0.2, 4))
                    await self._follow(socket)
            self.cuts += 1
            await asyncio.sleep(self.chance.uniform(0, 0.3))

    async def _follow(self, socket: LiveSocket) -> None:
        try:
            await socket.send("authenticate", token=self.token)
            self._take(await socket.next())
            for key, known in self.known.items():
                after = {} if known.cursor is None else {"after": known.cursor}
                await socket.send("subscribe", key=key, **after)
            while True:
                self._take(await socket.next(None))
        finally:
            socket.connection.transport.abort()

    def _take(self, frame: dict) -> None:
        known = self.known.get(frame.get("key", ""))
        if frame["type"] == "change" and known is not None:
            self._take_change(known, frame)
        elif frame["type"] == "authenticated":
            return
        elif frame["type"] == "subscribed" and known is not None:
            if frame["outcome"] == "resync_required" or known.position is None:
                # The frame brings the version, which is all that there is to reload here.
                known.reloads += frame["outcome"] == "resync_required"
                known.position, known.version = frame["position"], frame["version"]
                known.cursor = frame["cursor"]
                known.seen.clear()
        else:
            assert frame["type"] == "error", frame
            assert frame["code"] in {"SERVICE_UNAVAILABLE", "TIMEOUT"}, frame
            raise EOFError

    def _take_change(self, known: Followed, frame: dict) -> None:
        assert known.position is not None
        if frame["position"] <= known.position:
            self.duplicates += 1
            assert known.seen.get(frame["position"], frame["version"]) == frame["version"]
            return
        known.seen[frame["position"]] = frame["version"]
        known.position, known.cursor = frame["position"], frame["cursor"]
        # What was read when it began may be newer than the change that follows.
        known.version = max(known.version, frame["version"])

    def gaps(self) -> list[str]:
        """Return where the versions of a key do not follow one another."""
        return [
            f"{key}: {before} → {after}"
            for key, known in self.known.items()
            for before, after in zip(list(known.seen.values()), list(known.seen.values())[1:], strict=False)
            if after != before + 1
        ]

    def state(self) -> dict[str, int]:
        return {key: known.version for key, known in self.known.items()}
