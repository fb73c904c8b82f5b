"""Messages that are larger than NATS takes: a small one says where the bytes are, and they are fetched part by part.

One part is under way at a time, so that a large answer to a slow reader does not pile up in the NATS server, which ends
the connection of whoever has too much waiting. Requests for parts and parts are signed, as everything else is.
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
from accord.messaging.refusals import refuse
from accord.messaging.signing import ForgedMessage, MessageSigner
from accord.problems import ServiceUnavailable

LARGEST_PART = 512 * 1024
"""Bytes of a part, where NATS takes as many."""
QUIET_LIMIT = 5.0
"""Seconds without a word after which the other side is believed gone."""
WORD_INTERVAL = 1.0
"""Seconds between two words of a process that waits for a part, however long that is on its way."""
_FRAME = 128
"""Bytes that a part has beside its content, and some."""


@dataclass(slots=True)
class Offer:
    """Bytes that somebody is about to fetch from here."""

    place: str
    content: bytes
    size: int
    is_taken: bool = False
    _word: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def count(self) -> int:
        """The number of parts."""
        return -(-len(self.content) // self.size)

    @property
    def stub(self) -> dict[str, Any]:
        """What to send in their place."""
        return {"large": {"at": self.place, "parts": self.count}}

    def part(self, number: int) -> bytes:
        """Return one part."""
        return self.content[number * self.size : (number + 1) * self.size]

    def heard(self, number: int) -> None:
        """Hear that the other side waits for this part; for the one after the last when it has them all."""
        self.is_taken = number >= self.count
        self._word.set()

    async def until_taken(self) -> None:
        """Wait while it is fetched, at whatever pace. Raises TimeoutError when the other side says nothing any more."""
        while not self.is_taken:
            self._word.clear()
            await asyncio.wait_for(self._word.wait(), QUIET_LIMIT)


class Parts:
    """One process's large messages, those that it offers and those that it fetches."""

    def __init__(self, connection: Connection, signer: MessageSigner) -> None:
        """Take what carries and what signs them."""
        self._connection, self._signer = connection, signer
        self._prefix = f"_INBOX.{secrets.token_hex(12)}"
        self._offers: dict[str, Offer] = {}
        self._fetching: dict[str, tuple[asyncio.Future[bytes], str]] = {}
        self._sending: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen to those who fetch, and for what is fetched."""
        await self._connection.subscribe(f"{self._prefix}.at.*", self._asked)
        await self._connection.subscribe(f"{self._prefix}.got.*", self._got)

    @contextmanager
    def offered(self, content: bytes) -> Generator[Offer]:
        """Let the bytes be fetched within this block."""
        place = f"{self._prefix}.at.{secrets.token_hex(12)}"
        offer = self._offers[place] = Offer(place, content, min(LARGEST_PART, self._connection.max_payload - _FRAME))
        try:
            yield offer
        finally:
            del self._offers[place]

    async def fetch(self, stub: Mapping[str, Any], part_limit: float) -> bytes:
        """Return the bytes that a stub stands for; the caller limits the whole, and looks at its signature.

        Raises TimeoutError when a part takes more seconds than its limit.
        """
        place, count = stub["at"], stub["parts"]
        content = b"".join([await self._part(place, number, part_limit) for number in range(count)])
        await self._ask(place, count, "")
        return content

    async def _part(self, place: str, number: int, limit: float) -> bytes:
        inbox = f"{self._prefix}.got.{secrets.token_hex(12)}"
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._fetching[inbox] = answer, f"part {place} {number}"
        try:
            await self._ask(place, number, inbox)
            async with asyncio.timeout(limit):
                while not (await asyncio.wait({answer}, timeout=WORD_INTERVAL))[0]:
                    await self._ask(place, number, "")
            return answer.result()
        finally:
            del self._fetching[inbox]

    async def _ask(self, place: str, number: int, inbox: str) -> None:
        asking = self._signer.sign_bytes(f"fetch {place} {inbox}", str(number).encode())
        await self._connection.publish(place, asking, inbox)

    async def _asked(self, msg: Msg) -> None:
        offer = self._offers.get(msg.subject)
        if offer is None:
            return  # Whoever offered it has given up.
        try:
            number = int(self._signer.verify_bytes(f"fetch {msg.subject} {msg.reply}", msg.data))
        except ForgedMessage as forged:
            refuse("part", str(forged))
            return
        offer.heard(number)
        if not msg.reply:
            return  # It is a word only: that part is on its way.
        # Sending may wait for the socket, which nobody who reads may do.
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
        answer, purpose = self._fetching[msg.subject]
        try:
            part = self._signer.verify_bytes(purpose, msg.data)
        except ForgedMessage as forged:
            refuse("part", str(forged))
            return
        if not answer.done():
            answer.set_result(part)
