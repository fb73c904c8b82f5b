"""Signed messages: a publisher on NATS without the key cannot speak for a gateway or a worker, nor replay a message.

A message is one JSON object. The first member of the object is the signature: HMAC-SHA256 over subject, inbox and the
bytes of the object without that member. (A header would be the other place; nats-py takes longer to parse a header than
to verify the signature takes.) The `delivery` member of a request names its sender, its number, and the times by which
the flow must begin and end. Both times are on the clock of the one worker that the request is for; heartbeats tell
gateways the time of that clock, so the clocks of machines need not agree.

A response is signed over the signature of its request, which no two requests share. So a publisher without the key can
neither redirect the response to another's request, nor present a worker's response to one request as the response to
another.

A sliding window of sequence numbers for each sender detects replays, as in IPsec (RFC 4303, section 3.4.3): memory
stays the same at any traffic. A request is for one worker, so the window of that worker is enough.
"""

import hmac
import secrets
from array import array
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from accord.clock import uptime

_BEFORE, _AFTER = b'{"signature":"', b'",'
_SIGNATURE_BYTES = 64
_SIGNATURE = slice(len(_BEFORE), len(_BEFORE) + _SIGNATURE_BYTES)
_REST = slice(_SIGNATURE.stop + len(_AFTER), None)
WINDOW = 16_384
"""Messages of one sender, up to the newest, of which a replay is told from a message that came out of order."""
_MAX_SENDERS = 1024


class ForgedMessage(Exception):
    """The message is unsigned, altered or replayed; the text says which."""


class LateMessage(Exception):
    """The message is genuine and came too late to begin its flow; no replay of the message begins the flow either."""


class MessageSigner:
    """Signs and verifies with one shared key."""

    def __init__(self, key: bytes, clock: Callable[[], float] = uptime) -> None:
        """Take FLOW_SIGNING_KEY, and the clock of the process that verifies."""
        self._key, self._clock = key, clock
        self._sender, self._sequence = secrets.token_hex(8), 0
        self._seen: dict[str, _Window] = {}

    def sign_request(
        self, subject: str, inbox: str, message: Mapping[str, Any], begin_by: float, end_by: float
    ) -> bytes:
        """Return the bytes to send; both times are on the clock of the receiver."""
        self._sequence += 1
        delivery = {"from": self._sender, "number": self._sequence, "begin_by": begin_by, "end_by": end_by}
        return self._signed(f"request {subject} {inbox}", {"delivery": delivery, **message})

    def verify_request(self, subject: str, inbox: str, signed: bytes) -> dict[str, Any]:
        """Return the message that was signed for this subject and this inbox. Raises ForgedMessage and LateMessage.

        A late message counts as seen, so that the gateway can choose another worker: no replay begins the flow here.
        """
        message = self._verified(f"request {subject} {inbox}", signed)
        delivery, now = message["delivery"], self._clock()
        self._refuse_replay(delivery["from"], delivery["number"], now)
        if delivery["begin_by"] <= now:
            raise LateMessage
        return message

    def sign_response(self, request: bytes, response: object) -> bytes:
        """Return the bytes of a response to this signed request; `response` must become a JSON object with a member."""
        return self._signed(f"response {_signature_of(request)}", response)

    def verify_response(self, request: bytes, signed: bytes) -> dict[str, Any]:
        """Return the response of a holder of the key to this very request. Raises ForgedMessage."""
        return self._verified(f"response {_signature_of(request)}", signed)

    def sign_broadcast(self, subject: str, content: object) -> bytes:
        """Return the bytes of a message to every subscriber of this subject; receivers detect replays themselves."""
        return self._signed(f"broadcast {subject}", content)

    def verify_broadcast(self, subject: str, signed: bytes) -> dict[str, Any]:
        """Return the content that a holder of the key published on this subject. Raises ForgedMessage."""
        return self._verified(f"broadcast {subject}", signed)

    def sign_bytes(self, purpose: str, content: bytes) -> bytes:
        """Return the bytes after their signature; `purpose` is one word, then names that no other bytes have."""
        return self._signature(purpose, content) + content

    def verify_bytes(self, purpose: str, signed: bytes) -> bytes:
        """Return the bytes that a holder of the key signed for this purpose. Raises ForgedMessage."""
        content = signed[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(self._signature(purpose, content), signed[:_SIGNATURE_BYTES]):
            raise ForgedMessage("its signature is wrong")
        return content

    def _signed(self, purpose: str, content: object) -> bytes:
        rest = orjson.dumps(content, default=_as_list)
        return b"".join((_BEFORE, self._signature(purpose, rest), _AFTER, rest[1:]))

    def _verified(self, purpose: str, signed: bytes) -> dict[str, Any]:
        signature, rest = signed[_SIGNATURE], b"{" + signed[_REST]
        if not (signed.startswith(_BEFORE) and signed.startswith(_AFTER, _SIGNATURE.stop)):
            raise ForgedMessage("it is not signed")
        if not hmac.compare_digest(self._signature(purpose, rest), signature):
            raise ForgedMessage("its signature is wrong")
        # A holder of the key wrote the rest, so parsing needs no limits.
        return orjson.loads(rest)

    def _signature(self, purpose: str, rest: bytes) -> bytes:
        """Return the signature; subjects have no spaces or line ends, so no two purposes have the same text."""
        return hmac.digest(self._key, b"%b\n%b" % (purpose.encode(), rest), "sha256").hex().encode()

    def _refuse_replay(self, sender: str, number: int, now: float) -> None:
        window = self._seen.get(sender)
        if window is None:
            self._drop_quietest_sender()
            window = self._seen[sender] = _Window()
        window.last_heard = now
        if not window.takes(number):
            raise ForgedMessage("it is a replay")

    def _drop_quietest_sender(self) -> None:
        """Drop the sender not heard for longest: restarted gateways have new names, and old messages are late."""
        if len(self._seen) >= _MAX_SENDERS:
            del self._seen[min(self._seen, key=lambda sender: self._seen[sender].last_heard)]


class _Window:
    """The last 16,384 numbers of one sender; a number older than the window counts as seen."""

    __slots__ = ("_highest", "_slots", "last_heard")

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * WINDOW))
        self._highest = 0
        self.last_heard = 0.0

    def takes(self, number: int) -> bool:
        slot = number % WINDOW
        if number <= self._highest - WINDOW or self._slots[slot] == number:
            return False
        self._slots[slot] = number
        self._highest = max(self._highest, number)
        return True


def _signature_of(signed: bytes) -> str:
    return signed[_SIGNATURE].decode()


def _as_list(value: object) -> list[object]:
    if isinstance(value, frozenset | set):
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be sent to a worker; give JSON values to dispatch.")
