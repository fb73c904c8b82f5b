"""Signed envelopes: whoever can publish on NATS can still not speak for a gateway, nor repeat what one said.

A message is one JSON object. Its first member is its signature: HMAC-SHA256 over subject, inbox and the bytes
of the object without that member. (A header would be the other place; nats-py takes longer to parse one than
the key takes to check it.) The `envelope` member of a request says who sealed it, in what order, when, and
until when it may be opened. An answer is signed over its inbox, which is used once; so nobody can have the
answer to another's request sent to himself, nor answer in a worker's name.

Repeats are recognised by a sliding window of sequence numbers for each sender, as IPsec does (RFC 4303,
section 3.4.3): memory stays the same whatever the traffic. Each worker remembers what itself opened, so
somebody who can read a message and publish it again before it expires can still have another worker of the
queue group open it once.
"""

import hmac
import secrets
from array import array
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from accord.clock import time

_BEFORE, _AFTER = b'{"signature":"', b'",'
_SIGNATURE = slice(len(_BEFORE), len(_BEFORE) + 64)
_REST = slice(_SIGNATURE.stop + len(_AFTER), None)
_WINDOW = 16_384
_CLOCK_TOLERANCE = 30.0
_MOST_SENDERS = 1024


class ForgedEnvelope(Exception):
    """The message is unsigned, altered, expired, or was opened before; the text says which."""


class Envelopes:
    """Seals and opens with one shared key."""

    def __init__(self, key: bytes, clock: Callable[[], float] = time) -> None:
        """Take FLOW_ENVELOPE_KEY, and a clock in seconds since the epoch."""
        self._key, self._clock = key, clock
        self._sender, self._sequence = secrets.token_hex(8), 0
        self._seen: dict[str, _Window] = {}

    def seal(self, subject: str, inbox: str, message: Mapping[str, Any], expires: float) -> bytes:
        """Return the bytes to send; they may be opened until `expires`, in seconds since the epoch."""
        self._sequence += 1
        envelope = {
            "from": self._sender,
            "number": self._sequence,
            "issued": self._clock(),
            "expires": expires,
        }
        return self._signed(f"request {subject} {inbox}", {"envelope": envelope, **message})

    def open(self, subject: str, inbox: str, sealed: bytes) -> dict[str, Any]:
        """Return the message that was sealed for this subject and this inbox. Raises ForgedEnvelope."""
        message = self._checked(f"request {subject} {inbox}", sealed)
        envelope, now = message["envelope"], self._clock()
        if envelope["expires"] <= now:
            raise ForgedEnvelope("it has expired")
        if envelope["issued"] > now + _CLOCK_TOLERANCE:
            raise ForgedEnvelope("it is from the future: the clocks of gateway and worker differ")
        self._refuse_repeat(envelope["from"], envelope["number"], now)
        return message

    def seal_answer(self, inbox: str, answer: object) -> bytes:
        """Return the bytes of an answer, which must become a JSON object with at least one member."""
        return self._signed(f"answer {inbox}", answer)

    def open_answer(self, inbox: str, sealed: bytes) -> dict[str, Any]:
        """Return what a holder of the key answered to this inbox. Raises ForgedEnvelope."""
        return self._checked(f"answer {inbox}", sealed)

    def _signed(self, purpose: str, content: object) -> bytes:
        rest = orjson.dumps(content, default=_listed)
        return b"".join((_BEFORE, self._signature(purpose, rest), _AFTER, rest[1:]))

    def _checked(self, purpose: str, sealed: bytes) -> dict[str, Any]:
        signature, rest = sealed[_SIGNATURE], b"{" + sealed[_REST]
        if not (sealed.startswith(_BEFORE) and sealed.startswith(_AFTER, _SIGNATURE.stop)):
            raise ForgedEnvelope("it is not signed")
        if not hmac.compare_digest(self._signature(purpose, rest), signature):
            raise ForgedEnvelope("its signature is wrong")
        # The holder of a key wrote the rest, so it can be parsed without care.
        return orjson.loads(rest)

    def _signature(self, purpose: str, rest: bytes) -> bytes:
        """Subjects have no spaces or line ends, so no two purposes read alike."""
        return hmac.digest(self._key, b"%b\n%b" % (purpose.encode(), rest), "sha256").hex().encode()

    def _refuse_repeat(self, sender: str, number: int, now: float) -> None:
        window = self._seen.get(sender)
        if window is None:
            self._forget_the_quietest()
            window = self._seen[sender] = _Window()
        window.last_heard = now
        if not window.takes(number):
            raise ForgedEnvelope("it was opened before")

    def _forget_the_quietest(self) -> None:
        """Gateways that restarted have new names; the old ones have nothing left that could be repeated."""
        if len(self._seen) >= _MOST_SENDERS:
            del self._seen[min(self._seen, key=lambda sender: self._seen[sender].last_heard)]


class _Window:
    """Which of the last numbers of one sender were seen; what is older than the window counts as seen."""

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


def _listed(value: object) -> list[object]:
    if isinstance(value, frozenset | set):
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be sent to a worker; give JSON values to dispatch.")
