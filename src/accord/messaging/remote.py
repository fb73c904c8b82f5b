"""The gateway's side of a flow that runs in a worker: request and answer over NATS.

One inbox takes all answers, and a lost connection ends every wait at once: nats-py's own `request` would let
each run into its timeout, while the answers can no longer come.
"""

import asyncio
import itertools
import re
import secrets
from collections.abc import Mapping
from typing import Any

import nats.errors
from nats.aio.msg import Msg

from accord import clock, logs
from accord.messaging.connection import Connection
from accord.messaging.envelope import Envelopes, ForgedEnvelope
from accord.problems import DeadlineExceeded, InternalError, PayloadTooLarge, ServiceUnavailable

REQUEST_ID = "X-Request-Id"
TRACEPARENT = "traceparent"
_FIT_FOR_HEADER = re.compile(r"[\x21-\x7e]{1,256}")
_NO_RESPONDERS = "503"
_LONGEST_PATIENCE = 24 * 3600.0


class RemoteFlows:
    """Sends sealed requests, and matches the answers."""

    def __init__(self, connection: Connection, envelopes: Envelopes) -> None:
        """Take the connection and what seals; `start` subscribes the inbox."""
        self._connection, self._envelopes = connection, envelopes
        self._inbox = f"_INBOX.{secrets.token_hex(12)}."
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Msg]] = {}

    async def start(self) -> None:
        """Begin to listen for answers."""
        await self._connection.subscribe(f"{self._inbox}*", self._receive)
        self._connection.when_lost.append(self._give_up)

    async def call(
        self,
        subject: str,
        message: Mapping[str, Any],
        *,
        deadline: float,
        request_id: str,
        traceparent: str | None = None,
    ) -> dict[str, Any]:
        """Return the worker's answer, decoded; `deadline` is in seconds since the epoch.

        Raises ServiceUnavailable at once when no worker listens or NATS is away, DeadlineExceeded when no
        answer comes in time, PayloadTooLarge when NATS does not take the message.
        """
        now = clock.time()
        patience = min(deadline - now, _LONGEST_PATIENCE)
        if patience <= 0:
            raise DeadlineExceeded
        inbox = f"{self._inbox}{next(self._numbers)}"
        payload = self._envelopes.seal(subject, inbox, message, now + patience)
        known = {REQUEST_ID: request_id, TRACEPARENT: traceparent or ""}
        headers = {name: value for name, value in known.items() if _FIT_FOR_HEADER.fullmatch(value)}
        return self._opened(await self._exchange(subject, inbox, payload, headers, patience))

    async def _exchange(
        self, subject: str, inbox: str, payload: bytes, headers: dict[str, str], patience: float
    ) -> Msg:
        loop = asyncio.get_running_loop()
        answer = self._waiting[inbox] = loop.create_future()
        timer = loop.call_later(patience, _end, answer, DeadlineExceeded())
        try:
            await self._connection.publish(subject, payload, inbox, headers or None)
            return await answer
        except nats.errors.MaxPayloadError:
            raise PayloadTooLarge("Nothing was sent on: NATS does not take a message of this size.") from None
        except (nats.errors.Error, OSError):
            raise ServiceUnavailable from None
        finally:
            timer.cancel()
            del self._waiting[inbox]

    async def _receive(self, msg: Msg) -> None:
        answer = self._waiting.get(msg.subject)
        if answer is not None and not answer.done():
            answer.set_result(msg)

    def _opened(self, msg: Msg) -> dict[str, Any]:
        if not msg.data and (msg.headers or {}).get("Status") == _NO_RESPONDERS:
            raise ServiceUnavailable("No worker is running. Nothing was changed; try again shortly.")
        try:
            return self._envelopes.open_answer(msg.subject, msg.data)
        except ForgedEnvelope as forged:
            logs.error("An answer on NATS was refused.", reason=str(forged))
            raise InternalError from None

    def _give_up(self) -> None:
        for answer in self._waiting.values():
            _end(answer, ServiceUnavailable())


def _end(answer: asyncio.Future[Msg], problem: Exception) -> None:
    if not answer.done():
        answer.set_exception(problem)
