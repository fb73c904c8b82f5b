"""Messages that are larger than NATS takes: a small message names the place of the bytes, fetched part by part.

One part is under way at a time, so that a large response to a slow reader does not fill the buffer of the NATS server,
which ends connections with too much waiting. Parts and requests for parts are signed, as all other messages are.
"""

import asyncio
import secrets
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import nats.errors
from nats.aio.msg import Msg

from accord.messaging.connection import Connection
from accord.messaging.refused_messages import refuse
from accord.messaging.signing import ForgedMessage, MessageSigner
from accord.problems import ServiceUnavailable

LARGEST_PART = 512 * 1024
"""The most bytes of a part; fewer where NATS takes smaller messages only."""
QUIET_LIMIT = 5.0
"""Seconds without a message after which the other side counts as gone."""
WORD_INTERVAL = 1.0
"""Seconds between two messages of a process that waits for a part, until the part has arrived."""
_FRAME = 128
"""Bytes that a part has beside its content, with a reserve."""


@dataclass(slots=True)
class Offer:
    """Bytes that another process is about to fetch from this one."""

    place: str
    content: bytes
    size: int
    quiet_limit: float
    is_taken: bool = False
    _word: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def count(self) -> int:
        """The number of parts."""
        return -(-len(self.content) // self.size)

    @property
    def stub(self) -> dict[str, Any]:
        """The member that a message has in place of these bytes."""
        return {"large": {"at": self.place, "parts": self.count}}

    def part(self, number: int) -> bytes:
        """Return one part."""
        return self.content[number * self.size : (number + 1) * self.size]

    def heard(self, number: int) -> None:
        """Note that the other side waits for this part; the number after the last means that all have arrived."""
        self.is_taken = number >= self.count
        self._word.set()

    async def until_taken(self) -> None:
        """Wait until all parts are fetched, at any pace. Raises TimeoutError after `quiet_limit` without a message."""
        while not self.is_taken:
            self._word.clear()
            await asyncio.wait_for(self._word.wait(), self.quiet_limit)


class Parts:
    """The large messages of one process: those offered, and those being fetched."""

    def __init__(
        self,
        connection: Connection,
        signer: MessageSigner,
        *,
        quiet_limit: float = QUIET_LIMIT,
        word_interval: float = WORD_INTERVAL,
    ) -> None:
        """Take the connection, the signer, and the seconds of silence and between messages, as above."""
        self._connection, self._signer = connection, signer
        self._quiet_limit, self._word_interval = quiet_limit, word_interval
        self._prefix = f"_INBOX.{secrets.token_hex(12)}"
        self._offers: dict[str, Offer] = {}
        self._fetching: dict[str, tuple[asyncio.Future[bytes], str]] = {}
        self._sending: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen for requests for parts, and for the parts that this process fetches."""
        await self._connection.subscribe(f"{self._prefix}.at.*", self._asked)
        await self._connection.subscribe(f"{self._prefix}.got.*", self._got)

    @contextmanager
    def offered(self, content: bytes) -> Generator[Offer]:
        """Let the bytes be fetched within this block."""
        place = f"{self._prefix}.at.{secrets.token_hex(12)}"
        size = min(LARGEST_PART, self._connection.max_payload - _FRAME)
        offer = self._offers[place] = Offer(place, content, size, self._quiet_limit)
        try:
            yield offer
        finally:
            del self._offers[place]

    async def fetch(self, stub: Mapping[str, Any], part_limit: float) -> bytes:
        """Return the bytes that a stub stands for; the calling code limits the total time, and verifies the signature.

        Raises TimeoutError when a part takes more than `part_limit` seconds.
        """
        place, count = stub["at"], stub["parts"]
        content = b"".join([await self._part(place, number, part_limit) for number in range(count)])
        await self._ask(place, count, "")
        return content

    async def _part(self, place: str, number: int, limit: float) -> bytes:
        inbox = f"{self._prefix}.got.{secrets.token_hex(12)}"
        response: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._fetching[inbox] = response, f"part {place} {number}"
        try:
            await self._ask(place, number, inbox)
            async with asyncio.timeout(limit):
                while not (await asyncio.wait({response}, timeout=self._word_interval))[0]:
                    await self._ask(place, number, "")
            return response.result()
        finally:
            del self._fetching[inbox]

    async def _ask(self, place: str, number: int, inbox: str) -> None:
        asking = self._signer.sign_bytes(f"fetch {place} {inbox}", str(number).encode())
        await self._connection.publish(place, asking, inbox)

    async def _asked(self, msg: Msg) -> None:
        offer = self._offers.get(msg.subject)
        if offer is None:
            return  # The process that offered these bytes has given up.
        try:
            number = int(self._signer.verify_bytes(f"fetch {msg.subject} {msg.reply}", msg.data))
        except ForgedMessage as forged:
            refuse("part", str(forged))
            return
        offer.heard(number)
        if not msg.reply:
            return  # The message only says that its sender still waits: the part is on its way.
        # Sending may wait for the socket, and a receiver must not wait.
        task = asyncio.create_task(self._send(msg.reply, offer, number))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, inbox: str, offer: Offer, number: int) -> None:
        signed = self._signer.sign_bytes(f"part {offer.place} {number}", offer.part(number))
        with suppress(ServiceUnavailable, nats.errors.Error, OSError):
            await self._connection.publish(inbox, signed)

    async def _got(self, msg: Msg) -> None:
        if msg.subject not in self._fetching:
            return
        response, purpose = self._fetching[msg.subject]
        try:
            part = self._signer.verify_bytes(purpose, msg.data)
        except ForgedMessage as forged:
            refuse("part", str(forged))
            return
        if not response.done():
            response.set_result(part)
