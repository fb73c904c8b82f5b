"""The NATS micro-service protocol (ADR-32): `$SRV.PING`, `$SRV.INFO` and `$SRV.STATS` answer for a worker.

The types are nats-py's; its `Service` is not used, because it runs the requests of an endpoint one after
another, counts as their time what starting a task takes, and drops what has arrived when it stops.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import nats.nuid
import orjson
from nats.aio.msg import Msg
from nats.micro.service import (
    EndpointInfo,
    EndpointStats,
    ServiceInfo,
    ServicePing,
    ServiceStats,
    ServiceVerb,
    control_subject,
)

from accord import clock
from accord.messaging.connection import Connection, Subscription

QUEUE_GROUP = "accord"
_NAME = "accord"
_DESCRIPTION = "Runs the flows of Accord."


@dataclass(slots=True)
class Endpoint:
    """One subject and what was counted of it; time is in nanoseconds."""

    name: str
    subject: str
    requests: int = 0
    errors: int = 0
    nanoseconds: int = 0
    last_error: str = ""

    def count(self, nanoseconds: int, error: str | None) -> None:
        """Count one request."""
        self.requests += 1
        self.nanoseconds += nanoseconds
        if error is not None:
            self.errors += 1
            self.last_error = error

    def info(self) -> EndpointInfo:
        """What `$SRV.INFO` tells."""
        return EndpointInfo(self.name, self.subject, QUEUE_GROUP)

    def stats(self) -> EndpointStats:
        """What `$SRV.STATS` tells."""
        average = self.nanoseconds // self.requests if self.requests else 0
        return EndpointStats(
            self.name,
            self.subject,
            QUEUE_GROUP,
            self.requests,
            self.errors,
            self.nanoseconds,
            average,
            self.last_error,
        )


class _Identity(NamedTuple):
    name: str
    id: str
    version: str


class Registration:
    """Answers for one worker on the control subjects."""

    def __init__(self, connection: Connection, version: str, endpoints: list[Endpoint]) -> None:
        """Take what is announced; the list may be that of running endpoints."""
        self._connection, self._endpoints = connection, endpoints
        self._who = _Identity(_NAME, nats.nuid.NUID().next().decode(), version)
        self._started = clock.now()
        self._subscriptions: list[Subscription] = []

    async def start(self) -> None:
        """Answer for everybody, for this kind of service, and for this one."""
        answers = {ServiceVerb.PING: self.ping, ServiceVerb.INFO: self.info, ServiceVerb.STATS: self.stats}
        for verb, answer in answers.items():
            for name, one in ((None, None), (self._who.name, None), (self._who.name, self._who.id)):
                subject = control_subject(verb, name, one)
                self._subscriptions.append(await self._connection.subscribe(subject, self._answering(answer)))

    async def stop(self) -> None:
        """Be no longer found."""
        for subscription in self._subscriptions:
            await self._connection.unsubscribe(subscription)

    def ping(self) -> dict[str, Any]:
        """Who answers."""
        return ServicePing(self._who.id, self._who.name, self._who.version).to_dict()

    def info(self) -> dict[str, Any]:
        """What it answers to."""
        infos = [endpoint.info() for endpoint in self._endpoints]
        return ServiceInfo(self._who.name, self._who.id, self._who.version, _DESCRIPTION, infos).to_dict()

    def stats(self) -> dict[str, Any]:
        """What it has done."""
        stats = [endpoint.stats() for endpoint in self._endpoints]
        return ServiceStats(self._who.id, self._who.name, self._who.version, self._started, stats).to_dict()

    def _answering(self, answer: Callable[[], dict[str, Any]]) -> Callable[[Msg], Awaitable[None]]:
        async def receive(msg: Msg) -> None:
            if msg.reply:
                await self._connection.publish(msg.reply, orjson.dumps(answer()))

        return receive
