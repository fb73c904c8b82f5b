"""The gateway's side of a flow that runs in a worker: request message and response message over NATS.

The gateway chooses the worker itself, among those that are alive: NATS would go on delivering to a frozen worker.
One inbox takes all responses, and a lost connection ends every wait at once: nats-py's own `request` would let each
wait run into its timeout, while the responses can no longer come.
"""

import asyncio
import itertools
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import nats.errors
from nats.aio.msg import Msg

from accord.clock import time as epoch_seconds
from accord.clock import uptime
from accord.messaging.connection import Connection, is_unheard
from accord.messaging.parts import Parts
from accord.messaging.refused_messages import refuse
from accord.messaging.signing import ForgedMessage, MessageSigner
from accord.messaging.workers import NotDone, Peer, Workers
from accord.problems import DeadlineExceeded, PayloadTooLarge, Problem, ServiceUnavailable

REQUEST_ID = "X-Request-Id"
TRACEPARENT, TRACESTATE = "traceparent", "tracestate"
_FIT_FOR_HEADER = re.compile(r"[\x20-\x7e]{1,512}")
_MAX_HEADERS = 2048
"""Bytes; the headers of a request are always smaller."""
_LONGEST_TIMEOUT = 24 * 3600.0
_PAUSE = 0.2
"""Seconds before a request is sent again to a worker that has no subscription, as NATS said."""
_BUSY = "The workers are busy. Nothing was changed; try again shortly."


@dataclass(eq=False, slots=True)
class _Exchange:
    """One request message to one worker: signed for that worker, with the inbox and the future of its response."""

    peer: Peer
    inbox: str
    repeatable: bool
    response: asyncio.Future[dict[str, Any]]
    subject: str = ""
    request: bytes = b""
    limit: asyncio.TimerHandle | None = None
    again: asyncio.Task[None] | None = None


class RemoteFlows:
    """Sends signed requests, and matches the responses."""

    def __init__(self, connection: Connection, signer: MessageSigner) -> None:
        """Take the connection and the signer; `start` subscribes the inbox."""
        self._connection, self._signer = connection, signer
        self._inbox, self._numbers = f"_INBOX.{secrets.token_hex(12)}.", itertools.count(1)
        self._waiting: dict[str, _Exchange] = {}
        self._parts = Parts(connection, signer)
        self.workers = Workers(connection, signer)

    async def start(self) -> None:
        """Begin to listen for responses."""
        await self._connection.subscribe(f"{self._inbox}*", self._receive)
        await self._parts.start()
        await self.workers.start()
        self._connection.when_lost.append(self._give_up)

    async def call(
        self,
        subject: str,
        message: Mapping[str, Any],
        *,
        deadline: float,
        headers: Mapping[str, str | None],
        repeatable: bool,
        remembered: bool,
    ) -> dict[str, Any]:
        """Return the worker's response, decoded; `deadline` is in seconds of the Unix epoch.

        A request that no worker has begun goes to the next worker. After a silent worker, so does a request that may
        run again (`repeatable`), and one that gets the first response again if it ran (`remembered`). Raises
        ServiceUnavailable at once when no worker is alive or NATS is not reachable, DeadlineExceeded when no response
        comes in time or the outcome of the flow is unknown, PayloadTooLarge when NATS does not take even a stub.
        """
        until = uptime() + min(deadline - epoch_seconds(), _LONGEST_TIMEOUT)
        fit = {name: value for name, value in headers.items() if value and _FIT_FOR_HEADER.fullmatch(value)}
        tried: set[str] = set()
        problem: Problem | None = None
        while (peer := await self.workers.choose(tried)) is not None:
            tried.add(peer.id)
            try:
                return await self._ask(peer, f"{subject}.{peer.id}", message, until, fit, repeatable=repeatable)
            except NotDone as refused:
                problem = refused.problem
                if refused.begun and not (repeatable or remembered):
                    break
            except nats.errors.MaxPayloadError:
                raise PayloadTooLarge("Nothing was sent on: NATS does not take a message of this size.") from None
            except (nats.errors.Error, OSError):
                raise ServiceUnavailable from None
        raise problem or ServiceUnavailable("No worker is running. Nothing was changed; try again shortly.")

    async def _ask(
        self,
        peer: Peer,
        subject: str,
        message: Mapping[str, Any],
        until: float,
        headers: dict[str, str],
        *,
        repeatable: bool,
    ) -> dict[str, Any]:
        timeout_seconds = until - uptime()
        exchange = self._register(peer, timeout_seconds, repeatable=repeatable)
        try:
            exchange.subject, limits = subject, (peer.begin_by(), peer.end_by(timeout_seconds))
            exchange.request = self._signer.sign_request(subject, exchange.inbox, message, *limits)
            left = self._connection.max_payload - len(exchange.request)
            if left >= _MAX_HEADERS or left >= _size(headers):
                response = await self._response(exchange, headers)
            else:
                with self._parts.offered(exchange.request) as offer:
                    exchange.request = self._signer.sign_request(subject, exchange.inbox, offer.stub, *limits)
                    response = await self._response(exchange, headers)
        finally:
            self._end(exchange)
        if "large" in response:
            response = self._signer.verify_response(
                exchange.request, await self._fetched(peer, response["large"], until)
            )
        if "begun" in response:
            raise NotDone(ServiceUnavailable(None if response["begun"] else _BUSY), begun=response["begun"])
        return response

    async def _response(self, exchange: _Exchange, headers: dict[str, str]) -> dict[str, Any]:
        await self._connection.publish(exchange.subject, exchange.request, exchange.inbox, headers or None)
        return await exchange.response

    async def _fetched(self, peer: Peer, stub: Mapping[str, Any], until: float) -> bytes:
        exchange = self._register(peer, until - uptime(), repeatable=False)
        # A part may take as long as the whole: the end of the exchange ends the fetching, too.
        fetching = asyncio.ensure_future(self._parts.fetch(stub, part_limit=_LONGEST_TIMEOUT))
        try:
            await asyncio.wait({fetching, exchange.response}, return_when=asyncio.FIRST_COMPLETED)
            if exchange.response.done():
                exchange.response.result()
            return fetching.result()
        finally:
            fetching.cancel()
            self._end(exchange)

    def _register(self, peer: Peer, timeout_seconds: float, *, repeatable: bool) -> _Exchange:
        """Register an exchange; its wait ends with the response, the timeout, the worker's lease, or the connection."""
        if timeout_seconds <= 0:
            raise DeadlineExceeded
        loop = asyncio.get_running_loop()
        exchange = _Exchange(peer, f"{self._inbox}{next(self._numbers)}", repeatable, loop.create_future())
        self._waiting[exchange.inbox] = exchange
        peer.waiting.add(exchange.response)
        exchange.limit = loop.call_later(timeout_seconds, _be_late, exchange.response)
        return exchange

    def _end(self, exchange: _Exchange) -> None:
        assert exchange.limit is not None
        exchange.limit.cancel()
        exchange.peer.waiting.discard(exchange.response)
        del self._waiting[exchange.inbox]

    async def _receive(self, msg: Msg) -> None:
        exchange = self._waiting.get(msg.subject)
        if exchange is None:
            refuse("response", "no request waits for it")
            return
        if is_unheard(msg):
            self._unheard(exchange)
            return
        try:
            response = self._signer.verify_response(exchange.request, msg.data)
        except ForgedMessage as forged:
            refuse("response", str(forged))
            return
        if not exchange.response.done():
            exchange.response.set_result(response)

    def _unheard(self, exchange: _Exchange) -> None:
        """Note that NATS reports no subscription of the worker; any publisher can forge that.

        The report is enough to read from another worker, not to write there. A request that writes is sent again,
        unchanged: a worker that does listen runs the request once, however often it arrives. Repeated reports, and the
        silence of the worker, prove nothing: the worker may have died after its commit.
        """
        exchange.peer.is_reachable = False
        if exchange.repeatable:
            _fail(exchange.response, NotDone(ServiceUnavailable(), begun=True))
        elif exchange.again is None or exchange.again.done():
            exchange.again = asyncio.create_task(self._send_again(exchange))

    async def _send_again(self, exchange: _Exchange) -> None:
        await asyncio.sleep(_PAUSE)
        if exchange.inbox in self._waiting:
            with suppress(ServiceUnavailable, nats.errors.Error, OSError):
                await self._connection.publish(exchange.subject, exchange.request, exchange.inbox)

    def _give_up(self) -> None:
        for exchange in self._waiting.values():
            _fail(exchange.response, ServiceUnavailable())


def _size(headers: Mapping[str, str]) -> int:
    """Return the bytes of the headers in a message; NATS counts them as part of the message."""
    return sum(len(name) + len(value) + 4 for name, value in headers.items()) + 14 if headers else 0


def _be_late(response: asyncio.Future[dict[str, Any]]) -> None:
    _fail(response, DeadlineExceeded())


def _fail(response: asyncio.Future[dict[str, Any]], problem: Exception) -> None:
    if not response.done():
        response.set_exception(problem)
