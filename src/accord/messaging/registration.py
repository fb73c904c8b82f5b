"""The NATS micro-service protocol (ADR-32): a worker responds to `$SRV.PING`, `$SRV.INFO` and `$SRV.STATS`.

The types are nats-py's. nats-py's `Service` is not used, because `Service` runs the requests of an endpoint one after
another, counts the start of a task as their time, and drops requests that have arrived when the service stops.
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
    """One subject with its counts of requests, errors and nanoseconds."""

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
        """Return the endpoint's part of `$SRV.INFO`."""
        return EndpointInfo(self.name, self.subject, QUEUE_GROUP)

    def stats(self) -> EndpointStats:
        """Return the endpoint's part of `$SRV.STATS`."""
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
    """Responds for one worker on the control subjects."""

    def __init__(self, connection: Connection, version: str, endpoints: list[Endpoint]) -> None:
        """Take the version and the endpoints to announce; endpoints added to the list later are announced, too."""
        self._connection, self._endpoints = connection, endpoints
        self._who = _Identity(_NAME, nats.nuid.NUID().next().decode(), version)
        self._started = clock.now()
        self._subscriptions: list[Subscription] = []

    async def start(self) -> None:
        """Respond to requests to all services, to services of this name, and to this one."""
        responses = {ServiceVerb.PING: self.ping, ServiceVerb.INFO: self.info, ServiceVerb.STATS: self.stats}
        for verb, response in responses.items():
            for name, one in ((None, None), (self._who.name, None), (self._who.name, self._who.id)):
                subject = control_subject(verb, name, one)
                self._subscriptions.append(await self._connection.subscribe(subject, self._responding(response)))

    async def stop(self) -> None:
        """End the responses, so that clients no longer find this service."""
        for subscription in self._subscriptions:
            await self._connection.unsubscribe(subscription)

    def ping(self) -> dict[str, Any]:
        """Return the response to `$SRV.PING`: name, id and version."""
        return ServicePing(self._who.id, self._who.name, self._who.version).to_dict()

    def info(self) -> dict[str, Any]:
        """Return the response to `$SRV.INFO`: the endpoints."""
        infos = [endpoint.info() for endpoint in self._endpoints]
        return ServiceInfo(self._who.name, self._who.id, self._who.version, _DESCRIPTION, infos).to_dict()

    def stats(self) -> dict[str, Any]:
        """Return the response to `$SRV.STATS`: the counts of each endpoint."""
        stats = [endpoint.stats() for endpoint in self._endpoints]
        return ServiceStats(self._who.id, self._who.name, self._who.version, self._started, stats).to_dict()

    def _responding(self, response: Callable[[], dict[str, Any]]) -> Callable[[Msg], Awaitable[None]]:
        async def receive(msg: Msg) -> None:
            if msg.reply:
                await self._connection.publish(msg.reply, orjson.dumps(response()))

        return receive
