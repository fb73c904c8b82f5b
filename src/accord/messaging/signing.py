"""Signed messages: a publisher on NATS without the key cannot speak for a gateway or a worker, nor replay a message.

A message is one JSON object. Its first member is its signature: HMAC-SHA256 over subject, inbox and the bytes of the
object without that member. (A header would be the other place; nats-py takes longer to parse one than the key takes to
check it.) The `delivery` member of a request names its sender, its number, and until when it may be begun and has to be
over. Both times are on the clock of the one worker that it is for, which told the gateway what that clock says: the
clocks of machines need not agree.

A response is signed over the signature of its request, which no two requests share. So nobody can have the response to
another's request sent to himself, nor pass off a worker's response to one request as the response to another.

Replays are recognised by a sliding window of sequence numbers for each sender, as IPsec does (RFC 4303,
section 3.4.3): memory stays the same whatever the traffic. A request is for one worker, so that worker's memory is
enough.
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
_WINDOW = 16_384
_MAX_SENDERS = 1024


class ForgedMessage(Exception):
    """The message is unsigned, altered or replayed; the text says which."""


class LateMessage(Exception):
    """The message is genuine and came too late to be begun; a replay of it will never be begun either."""


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

        A late message counts as seen, so that it can be sent to another worker: nobody can have it begun here later.
        """
        message = self._verified(f"request {subject} {inbox}", signed)
        delivery, now = message["delivery"], self._clock()
        self._refuse_replay(delivery["from"], delivery["number"], now)
        if delivery["begin_by"] <= now:
            raise LateMessage
        return message

    def sign_response(self, request: bytes, response: object) -> bytes:
        """Return the bytes of a response to this signed request; it must become a JSON object that has a member."""
        return self._signed(f"response {_signature_of(request)}", response)

    def verify_response(self, request: bytes, signed: bytes) -> dict[str, Any]:
        """Return what a holder of the key responded to this very request. Raises ForgedMessage."""
        return self._verified(f"response {_signature_of(request)}", signed)

    def sign_broadcast(self, subject: str, content: object) -> bytes:
        """Return the bytes of a message to everybody on this subject; its receivers recognise replays themselves."""
        return self._signed(f"broadcast {subject}", content)

    def verify_broadcast(self, subject: str, signed: bytes) -> dict[str, Any]:
        """Return what a holder of the key said on this subject. Raises ForgedMessage."""
        return self._verified(f"broadcast {subject}", signed)

    def sign_bytes(self, purpose: str, content: bytes) -> bytes:
        """Return the bytes with their signature before them; `purpose` is one word and what no other bytes have."""
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
        # A holder of the key wrote the rest, so it can be parsed without care.
        return orjson.loads(rest)

    def _signature(self, purpose: str, rest: bytes) -> bytes:
        """Subjects have no spaces or line ends, so no two purposes read alike."""
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
        """Gateways that restarted have new names; no message of an old name can still be begun."""
        if len(self._seen) >= _MAX_SENDERS:
            del self._seen[min(self._seen, key=lambda sender: self._seen[sender].last_heard)]


class _Window:
    """The last numbers of one sender; a number that is older than the window counts as seen."""

    __slots__ = ("_highest", "_slots", "last_heard")

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _WINDOW))
        self._highest = 0
        self.last_heard = 0.0

    def takes(self, number: int) -> bool:
        slot = number % _WINDOW
        if number <= self._highest - _WINDOW or self._slots[slot] == number:
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
