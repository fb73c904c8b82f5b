import orjson
import pytest

from accord.clock import uptime
from accord.messaging import signing
from accord.messaging.signing import ForgedMessage, LateMessage, MessageSigner

KEY, SUBJECT, INBOX = b"k" * 32, "api.v1.accounts.getMe", "_INBOX.a.1"
MESSAGE = {"caller": {"id": "u", "permissions": frozenset({"users:read"})}, "inputs": {"name": "Ada\n\u2028🔑"}}


def signed(**changes) -> bytes:
    given = {"key": KEY, "subject": SUBJECT, "inbox": INBOX, "begin_by": uptime() + 30} | changes
    return MessageSigner(given["key"]).sign_request(
        given["subject"], given["inbox"], MESSAGE, given["begin_by"], uptime() + 60
    )


def test_a_signed_message_verifies():
    message = MessageSigner(KEY).verify_request(SUBJECT, INBOX, signed())

    assert message["inputs"] == MESSAGE["inputs"]
    assert message["caller"] == {"id": "u", "permissions": ["users:read"]}


def test_a_signed_message_is_plain_json_with_the_signature_first():
    assert next(iter(orjson.loads(signed()))) == "signature"


@pytest.mark.parametrize(
    "changes",
    [{"key": b"x" * 32}, {"subject": "api.v1.accounts.deleteUser"}, {"inbox": "_INBOX.b.1"}],
    ids=["another key", "another subject", "another inbox"],
)
def test_a_message_signed_for_another_use_is_refused(changes):
    with pytest.raises(ForgedMessage, match="signature is wrong"):
        MessageSigner(KEY).verify_request(SUBJECT, INBOX, signed(**changes))


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
    with pytest.raises(ForgedMessage):
        MessageSigner(KEY).verify_request(SUBJECT, INBOX, unsigned)


def test_every_changed_byte_is_noticed():
    original = signed()

    for place in range(len(original)):
        changed = bytearray(original)
        changed[place] ^= 1
        with pytest.raises(ForgedMessage):
            MessageSigner(KEY).verify_request(SUBJECT, INBOX, bytes(changed))


def test_a_truncated_or_extended_message_is_refused():
    original = signed()

    for changed in (original[:-1], original + b" ", original[:-1] + b',"caller":{"id":"root"}}'):
        with pytest.raises(ForgedMessage):
            MessageSigner(KEY).verify_request(SUBJECT, INBOX, changed)


def test_a_late_message_is_never_begun():
    worker, late = MessageSigner(KEY), signed(begin_by=uptime() - 0.001)

    with pytest.raises(LateMessage):
        worker.verify_request(SUBJECT, INBOX, late)

    # So it can be sent elsewhere: nobody can have it begun here after all.
    with pytest.raises(ForgedMessage, match="replay"):
        worker.verify_request(SUBJECT, INBOX, late)


def test_the_clock_of_the_signer_does_not_matter():
    ahead = MessageSigner(KEY, clock=lambda: uptime() + 1e6)

    assert MessageSigner(KEY).verify_request(
        SUBJECT, INBOX, ahead.sign_request(SUBJECT, INBOX, MESSAGE, uptime() + 1, uptime() + 30)
    )


def test_a_message_is_accepted_once():
    worker, message = MessageSigner(KEY), signed()
    worker.verify_request(SUBJECT, INBOX, message)

    with pytest.raises(ForgedMessage, match="replay"):
        worker.verify_request(SUBJECT, INBOX, message)


def test_order_does_not_matter_within_the_window():
    gateway, worker = MessageSigner(KEY), MessageSigner(KEY)
    messages = [gateway.sign_request(SUBJECT, INBOX, MESSAGE, uptime() + 30, uptime() + 30) for _ in range(100)]

    for message in reversed(messages):
        worker.verify_request(SUBJECT, INBOX, message)

    for message in messages:
        with pytest.raises(ForgedMessage, match="replay"):
            worker.verify_request(SUBJECT, INBOX, message)


def test_a_message_older_than_the_window_counts_as_seen():
    gateway, worker = MessageSigner(KEY), MessageSigner(KEY)
    first = gateway.sign_request(SUBJECT, INBOX, MESSAGE, uptime() + 30, uptime() + 30)
    for _ in range(signing.WINDOW):
        newest = gateway.sign_request(SUBJECT, INBOX, MESSAGE, uptime() + 30, uptime() + 30)
    worker.verify_request(SUBJECT, INBOX, newest)

    with pytest.raises(ForgedMessage, match="replay"):
        worker.verify_request(SUBJECT, INBOX, first)


def test_two_gateways_do_not_disturb_each_other():
    worker = MessageSigner(KEY)

    assert worker.verify_request(SUBJECT, INBOX, signed())
    assert worker.verify_request(SUBJECT, INBOX, signed())


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(signing, "_MAX_SENDERS", 5)
    worker = MessageSigner(KEY)

    for _ in range(20):
        worker.verify_request(SUBJECT, INBOX, signed())

    assert len(worker._seen) == 5


def test_a_response_is_valid_for_its_own_request_only():
    worker, gateway = MessageSigner(KEY), MessageSigner(KEY)
    request, other = (gateway.sign_request(SUBJECT, INBOX, MESSAGE, uptime() + 30, uptime() + 30) for _ in range(2))
    response = worker.sign_response(request, {"success": True})

    assert gateway.verify_response(request, response) == {"success": True}
    for signed_otherwise in (
        worker.sign_response(other, {"success": True}),
        worker.sign_broadcast(INBOX, {"success": True}),
    ):
        with pytest.raises(ForgedMessage):
            gateway.verify_response(request, signed_otherwise)
    with pytest.raises(ForgedMessage):
        worker.verify_request(SUBJECT, INBOX, response)
    with pytest.raises(ForgedMessage):
        gateway.verify_response(request, b'{"success":true}')


def test_bytes_open_for_their_purpose_only():
    worker, gateway = MessageSigner(KEY), MessageSigner(KEY)
    part = worker.sign_bytes("part a 1", b"\x00 bytes")

    assert gateway.verify_bytes("part a 1", part) == b"\x00 bytes"
    for purpose, signed_bytes in (("part a 2", part), ("part a 1", part + b"x"), ("part a 1", b"")):
        with pytest.raises(ForgedMessage):
            gateway.verify_bytes(purpose, signed_bytes)


def test_a_value_that_json_cannot_hold_is_named():
    with pytest.raises(TypeError, match="object"):
        MessageSigner(KEY).sign_request(SUBJECT, INBOX, {"inputs": object()}, 1, 1)
