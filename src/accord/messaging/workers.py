"""The live workers as a gateway knows them: their heartbeats, and the responses that the gateway waits for.

A client that reads NATS can replay a worker's heartbeats to a gateway that missed them: a gateway that started later,
or was disconnected. So a gateway accepts the heartbeats of a worker only after that worker has responded to a call of
this gateway, and calls again each worker that the gateway lost. A dead worker counts as alive for two leases at most.
"""

import asyncio
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from nats.aio.msg import Msg

from accord.clock import uptime
from accord.messaging.connection import Connection, is_unheard
from accord.messaging.lease import CALLS, HEARTBEATS, INTERVAL, LEASE
from accord.messaging.refused_messages import refuse
from accord.messaging.signing import ForgedMessage, MessageSigner
from accord.problems import DeadlineExceeded, Problem
from accord.telemetry import logs

LOOK_INTERVAL = 0.1
"""Seconds between looks for workers whose lease is over."""
RESPONSE_TIMEOUT = 0.5
"""Seconds for a worker to respond to a call; where none is subscribed, NATS says so at once."""
PAUSE = 1.0
"""Seconds between two calls to all workers, and between two calls to the same worker."""
_MAX_REMEMBERED = 1024
SILENT = "The worker does not respond any more. Read the record to see whether the change was made before you retry."


class NotDone(Exception):
    """A worker did not run a request; with `begun` the flow may have run, and its outcome is unknown."""

    def __init__(self, problem: Problem, *, begun: bool) -> None:
        """Take the problem that the client gets unless another worker runs the request."""
        super().__init__()
        self.problem, self.begun = problem, begun


@dataclass(eq=False, slots=True)
class Peer:
    """A worker as a gateway knows it: the worker's clock at its last heartbeat, and the futures that wait for it."""

    id: str
    clock: float = 0.0
    heard: float = 0.0
    state: str = "open"
    is_reachable: bool = True
    waiting: set[asyncio.Future[Any]] = field(default_factory=set[asyncio.Future[Any]])

    def begin_by(self) -> float:
        """Return until when the worker may begin a flow, on its own clock."""
        return self.clock + LEASE

    def end_by(self, timeout_seconds: float) -> float:
        """Return the end of `timeout_seconds` on the worker's clock; never too late, as a heartbeat takes time."""
        return self.clock + uptime() - self.heard + timeout_seconds


class Workers:
    """Knows the workers that are alive, and chooses among them."""

    def __init__(self, connection: Connection, signer: MessageSigner) -> None:
        """Take the connection and the signer."""
        self._connection, self._signer = connection, signer
        self._inbox = f"_INBOX.{secrets.token_hex(12)}"
        self._peers: dict[str, Peer] = {}
        self._last_told: dict[str, float] = {}
        self._last_called: dict[str, float] = {}
        self._response: asyncio.Future[bool] | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._called = float("-inf")
        self._looked = self._listens_until = uptime()
        self.strangers = 0
        """Heartbeats that were signed with another key, or not at all."""

    @property
    def alive(self) -> list[str]:
        """The states of the workers whose lease is not over."""
        return [peer.state for peer in self._peers.values()]

    async def start(self) -> None:
        """Begin to listen."""
        await self._connection.subscribe(self._inbox, self._response_received)
        await self._connection.subscribe(HEARTBEATS, self._heartbeat_received)
        self._connection.when_lost.append(self._drop_all)
        self._look()

    async def choose(self, besides: Collection[str]) -> Peer | None:
        """Return the worker with the fewest requests, of two alike the one that rested longer; None without workers."""
        chosen = self._idlest(besides)
        if chosen is None and not besides and await self.are_there():
            chosen = self._idlest(besides)
        if chosen is not None:
            self._peers[chosen.id] = self._peers.pop(chosen.id)
        return chosen

    async def are_there(self) -> bool:
        """Return whether a worker takes requests; when none is known, send one call for all requests that wait."""
        if not self._connection.is_connected:
            return False
        if self._idlest(()) is not None:
            return True
        if self._response is None:
            if uptime() - self._called < PAUSE:
                return False
            loop = asyncio.get_running_loop()
            self._called, self._response = uptime(), loop.create_future()
            self._limit = loop.call_later(RESPONSE_TIMEOUT, partial(self._conclude, found=False))
            await self._call(None)
        return await asyncio.shield(self._response)

    async def _call(self, worker: str | None) -> None:
        """Call one worker, or each; the response names the time of this call, so it cannot be an old one."""
        call = self._signer.sign_broadcast(f"{CALLS} {self._inbox}", {"asked": uptime(), "worker": worker})
        await self._connection.publish(CALLS, call, self._inbox)

    def _conclude(self, *, found: bool) -> None:
        response, self._response = self._response, None
        if response is not None and self._limit is not None:
            self._limit.cancel()
            response.set_result(found)

    def _idlest(self, besides: Collection[str]) -> Peer | None:
        able = [p for p in self._peers.values() if p.state != "closed" and p.is_reachable and p.id not in besides]
        return min(able, key=_load, default=None)

    async def _response_received(self, msg: Msg) -> None:
        if is_unheard(msg):
            self._conclude(found=False)
            return
        try:
            said = self._signer.verify_broadcast(self._inbox, msg.data)
        except ForgedMessage as forged:
            refuse("response", str(forged))
            return
        if uptime() - said["asked"] >= LEASE:
            refuse("response", "it came too late")
        elif self._is_news(said):
            self._believe(self._peers.setdefault(said["worker"], Peer(said["worker"])), said)

    async def _heartbeat_received(self, msg: Msg) -> None:
        """Accept the heartbeat of a known worker; an unknown one is called first, as a heartbeat proves nothing."""
        try:
            heartbeat = self._signer.verify_broadcast(HEARTBEATS, msg.data)
        except ForgedMessage as forged:
            self.strangers += 1
            refuse("heartbeat", str(forged))
            return
        if not self._is_news(heartbeat):
            return
        if (peer := self._peers.get(heartbeat["worker"])) is not None:
            self._believe(peer, heartbeat)
        elif heartbeat["state"] != "closed":
            await self._call_stranger(heartbeat["worker"])

    async def _call_stranger(self, worker: str) -> None:
        """Call an unknown worker; one that never responds costs one call in each PAUSE, not one for each heartbeat."""
        now = uptime()
        if now - self._last_called.get(worker, float("-inf")) >= PAUSE:
            _remember(self._last_called, worker, now)
            await self._call(worker)

    def _believe(self, peer: Peer, said: Mapping[str, Any]) -> None:
        self._last_called.pop(peer.id, None)
        peer.clock, peer.heard, peer.state, peer.is_reachable = said["clock"], uptime(), said["state"], True
        if peer.state != "closed":
            self._conclude(found=True)

    def _is_news(self, said: Mapping[str, Any]) -> bool:
        worker, told = said["worker"], said["clock"]
        if told <= self._last_told.get(worker, float("-inf")):
            refuse("heartbeat", "it was heard before")
            return False
        # Kept also for a worker that is gone, so that a replayed heartbeat does not bring the worker back.
        _remember(self._last_told, worker, told)
        return True

    def _drop_all(self) -> None:
        """Drop all workers: any client can replay the messages that were missed while the connection was lost."""
        self._peers.clear()
        self._last_called.clear()
        self._called = float("-inf")
        self._conclude(found=False)

    def _look(self) -> None:
        """Give up workers that were silent for a whole lease; a gateway that was frozen itself listens first."""
        asyncio.get_running_loop().call_later(LOOK_INTERVAL, self._look)
        now = uptime()
        if now - self._looked > INTERVAL:
            self._listens_until = now + 2 * INTERVAL
        self._looked = now
        if now >= self._listens_until:
            for peer in [peer for peer in self._peers.values() if now - peer.heard >= LEASE]:
                self._give_up(peer)

    def _give_up(self, peer: Peer) -> None:
        del self._peers[peer.id]
        if peer.waiting or peer.state == "open":
            logs.warning("A worker is silent; requests go to other workers until its next heartbeat.", worker=peer.id)
        for response in peer.waiting:
            if not response.done():
                response.set_exception(NotDone(DeadlineExceeded(SILENT), begun=True))


def _remember(times: dict[str, float], worker: str, time: float) -> None:
    """Keep the time as the newest one; beyond 1,024 the oldest is dropped."""
    times.pop(worker, None)
    if len(times) >= _MAX_REMEMBERED:
        del times[next(iter(times))]
    times[worker] = time


def _load(peer: Peer) -> tuple[bool, int]:
    return peer.state != "open", len(peer.waiting)
