import orjson
import pytest

from accord.clock import uptime
from accord.messaging import envelope
from accord.messaging.envelope import Envelopes, ForgedEnvelope, LateEnvelope

KEY, SUBJECT, INBOX = b"k" * 32, "api.v1.accounts.getMe", "_INBOX.a.1"
MESSAGE = {"caller": {"id": "u", "permissions": frozenset({"users:read"})}, "inputs": {"name": "Ada\n\u2028🔑"}}


def sealed(**changes) -> bytes:
    given = {"key": KEY, "subject": SUBJECT, "inbox": INBOX, "begin_by": uptime() + 30} | changes
    return Envelopes(given["key"]).seal(given["subject"], given["inbox"], MESSAGE, given["begin_by"], uptime() + 60)


def test_a_signed_message_verifies():
    message = Envelopes(KEY).open(SUBJECT, INBOX, sealed())

    assert message["inputs"] == MESSAGE["inputs"]
    assert message["caller"] == {"id": "u", "permissions": ["users:read"]}


def test_a_signed_message_is_plain_json_with_the_signature_first():
    assert next(iter(orjson.loads(sealed()))) == "signature"


@pytest.mark.parametrize(
    "changes",
    [{"key": b"x" * 32}, {"subject": "api.v1.accounts.deleteUser"}, {"inbox": "_INBOX.b.1"}],
    ids=["another key", "another subject", "another inbox"],
)
def test_a_message_signed_for_another_use_is_refused(changes):
    with pytest.raises(ForgedEnvelope, match="signature is wrong"):
        Envelopes(KEY).open(SUBJECT, INBOX, sealed(**changes))


@pytest.mark.parametrize(
    "unsigned",
    [
        b"",
        b"{}",
        b"null",
        b"\xff\xfe",
        orjson.dumps({"caller": {"id": "root"}, "inputs": {}}),
        orjson.dumps({"caller": {"id": "root"}, "signature": "0" * 64}),
        b'{"signature":""}',
    ],
)
def test_an_unsigned_message_is_refused(unsigned):
    with pytest.raises(ForgedEnvelope):
        Envelopes(KEY).open(SUBJECT, INBOX, unsigned)


def test_every_changed_byte_is_noticed():
    original = sealed()

    for place in range(len(original)):
        changed = bytearray(original)
        changed[place] ^= 1
        with pytest.raises(ForgedEnvelope):
            Envelopes(KEY).open(SUBJECT, INBOX, bytes(changed))


def test_a_truncated_or_extended_message_is_refused():
    original = sealed()

    for changed in (original[:-1], original + b" ", original[:-1] + b',"caller":{"id":"root"}}'):
        with pytest.raises(ForgedEnvelope):
            Envelopes(KEY).open(SUBJECT, INBOX, changed)


def test_a_late_message_is_never_begun():
    worker, late = Envelopes(KEY), sealed(begin_by=uptime() - 0.001)

    with pytest.raises(LateEnvelope):
        worker.open(SUBJECT, INBOX, late)

    # So it can be sent elsewhere: nobody can have it begun here after all.
    with pytest.raises(ForgedEnvelope, match="before"):
        worker.open(SUBJECT, INBOX, late)


def test_the_clock_of_the_signer_does_not_matter():
    ahead = Envelopes(KEY, clock=lambda: uptime() + 1e6)

    assert Envelopes(KEY).open(SUBJECT, INBOX, ahead.seal(SUBJECT, INBOX, MESSAGE, uptime() + 1, uptime() + 30))


def test_a_message_is_accepted_once():
    worker, message = Envelopes(KEY), sealed()
    worker.open(SUBJECT, INBOX, message)

    with pytest.raises(ForgedEnvelope, match="before"):
        worker.open(SUBJECT, INBOX, message)


def test_order_does_not_matter_within_the_window():
    gateway, worker = Envelopes(KEY), Envelopes(KEY)
    messages = [gateway.seal(SUBJECT, INBOX, MESSAGE, uptime() + 30, uptime() + 30) for _ in range(100)]

    for message in reversed(messages):
        worker.open(SUBJECT, INBOX, message)

    for message in messages:
        with pytest.raises(ForgedEnvelope, match="before"):
            worker.open(SUBJECT, INBOX, message)


def test_a_message_older_than_the_window_counts_as_seen(monkeypatch):
    monkeypatch.setattr(envelope, "_WINDOW", 8)
    gateway, worker = Envelopes(KEY), Envelopes(KEY)
    first, *others = [gateway.seal(SUBJECT, INBOX, MESSAGE, uptime() + 30, uptime() + 30) for _ in range(10)]
    for message in others:
        worker.open(SUBJECT, INBOX, message)

    with pytest.raises(ForgedEnvelope, match="before"):
        worker.open(SUBJECT, INBOX, first)


def test_two_gateways_do_not_disturb_each_other():
    worker = Envelopes(KEY)

    assert worker.open(SUBJECT, INBOX, sealed())
    assert worker.open(SUBJECT, INBOX, sealed())


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(envelope, "_MOST_SENDERS", 5)
    worker = Envelopes(KEY)

    for _ in range(20):
        worker.open(SUBJECT, INBOX, sealed())

    assert len(worker._seen) == 5


def test_a_response_is_valid_for_its_own_request_only():
    worker, gateway = Envelopes(KEY), Envelopes(KEY)
    request, other = (gateway.seal(SUBJECT, INBOX, MESSAGE, uptime() + 30, uptime() + 30) for _ in range(2))
    answer = worker.seal_answer(request, {"success": True})

    assert gateway.open_answer(request, answer) == {"success": True}
    for sealed_otherwise in (worker.seal_answer(other, {"success": True}), worker.seal_note(INBOX, {"success": True})):
        with pytest.raises(ForgedEnvelope):
            gateway.open_answer(request, sealed_otherwise)
    with pytest.raises(ForgedEnvelope):
        worker.open(SUBJECT, INBOX, answer)
    with pytest.raises(ForgedEnvelope):
        gateway.open_answer(request, b'{"success":true}')


def test_bytes_open_for_their_purpose_only():
    worker, gateway = Envelopes(KEY), Envelopes(KEY)
    part = worker.seal_bytes("part a 1", b"\x00 bytes")

    assert gateway.open_bytes("part a 1", part) == b"\x00 bytes"
    for purpose, sealed_bytes in (("part a 2", part), ("part a 1", part + b"x"), ("part a 1", b"")):
        with pytest.raises(ForgedEnvelope):
            gateway.open_bytes(purpose, sealed_bytes)


def test_a_value_that_json_cannot_hold_is_named():
    with pytest.raises(TypeError, match="object"):
        Envelopes(KEY).seal(SUBJECT, INBOX, {"inputs": object()}, 1, 1)
