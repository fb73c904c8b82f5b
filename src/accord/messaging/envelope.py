"""Signed envelopes: whoever can publish on NATS cannot speak for a gateway or a worker, nor repeat what one said.

A message is one JSON object. Its first member is its signature: HMAC-SHA256 over subject, inbox and the bytes
of the object without that member. (A header would be the other place; nats-py takes longer to parse one than
the key takes to check it.) The `envelope` member of a request says who sealed it, in what order, and until when
it may be begun and has to be over. Both times are on the clock of the one worker that it is for, which told the
gateway what that clock says: so it matters to nobody whether clocks agree.

An answer is signed over the signature of its request, which no two requests share. So nobody can have the answer to
another's request sent to himself, nor let what a worker said to one question pass for its answer to another.

Repeats are recognised by a sliding window of sequence numbers for each sender, as IPsec does (RFC 4303,
section 3.4.3): memory stays the same whatever the traffic. As a request is for one worker, that one's memory is enough.
"""

import hmac
import secrets
from array import array
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from accord.clock import uptime

_BEFORE, _AFTER = b'{"signature":"', b'",'
_SIGNED = 64
"""Bytes of a signature."""
_SIGNATURE = slice(len(_BEFORE), len(_BEFORE) + _SIGNED)
_REST = slice(_SIGNATURE.stop + len(_AFTER), None)
_WINDOW = 16_384
_MOST_SENDERS = 1024


class ForgedEnvelope(Exception):
    """The message is unsigned, altered, or was opened before; the text says which."""


class LateEnvelope(Exception):
    """The message is genuine, and it came too late to be begun; it never will be, whoever sends it again."""


class Envelopes:
    """Seals and opens with one shared key."""

    def __init__(self, key: bytes, clock: Callable[[], float] = uptime) -> None:
        """Take FLOW_ENVELOPE_KEY, and the clock of whoever opens."""
        self._key, self._clock = key, clock
        self._sender, self._sequence = secrets.token_hex(8), 0
        self._seen: dict[str, _Window] = {}

    def seal(self, subject: str, inbox: str, message: Mapping[str, Any], begin_by: float, end_by: float) -> bytes:
        """Return the bytes to send; both times are on the clock of the receiver."""
        self._sequence += 1
        envelope = {"from": self._sender, "number": self._sequence, "begin_by": begin_by, "end_by": end_by}
        return self._signed(f"request {subject} {inbox}", {"envelope": envelope, **message})

    def open(self, subject: str, inbox: str, sealed: bytes) -> dict[str, Any]:
        """Return the message that was sealed for this subject and this inbox. Raises ForgedEnvelope and LateEnvelope.

        What is late counts as opened, so that it can be sent elsewhere: nobody can have it begun here after all.
        """
        message = self._checked(f"request {subject} {inbox}", sealed)
        envelope, now = message["envelope"], self._clock()
        self._refuse_repeat(envelope["from"], envelope["number"], now)
        if envelope["begin_by"] <= now:
            raise LateEnvelope
        return message

    def seal_answer(self, request: bytes, answer: object) -> bytes:
        """Return the bytes of an answer to this sealed request; it must become a JSON object that has a member."""
        return self._signed(f"answer {_signature_of(request)}", answer)

    def open_answer(self, request: bytes, sealed: bytes) -> dict[str, Any]:
        """Return what a holder of the key answered to this very request. Raises ForgedEnvelope."""
        return self._checked(f"answer {_signature_of(request)}", sealed)

    def seal_note(self, subject: str, note: object) -> bytes:
        """Return the bytes of what is said to everybody on this subject; who hears it looks after repeats himself."""
        return self._signed(f"note {subject}", note)

    def open_note(self, subject: str, sealed: bytes) -> dict[str, Any]:
        """Return what a holder of the key said on this subject. Raises ForgedEnvelope."""
        return self._checked(f"note {subject}", sealed)

    def seal_bytes(self, purpose: str, content: bytes) -> bytes:
        """Return the bytes with their signature before them; `purpose` is one word and what no other bytes have."""
        return self._signature(purpose, content) + content

    def open_bytes(self, purpose: str, sealed: bytes) -> bytes:
        """Return the bytes that a holder of the key sealed for this purpose. Raises ForgedEnvelope."""
        content = sealed[_SIGNED:]
        if not hmac.compare_digest(self._signature(purpose, content), sealed[:_SIGNED]):
            raise ForgedEnvelope("its signature is wrong")
        return content

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


def _signature_of(sealed: bytes) -> str:
    return sealed[_SIGNATURE].decode()


def _listed(value: object) -> list[object]:
    if isinstance(value, frozenset | set):
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be sent to a worker; give JSON values to dispatch.")
