"""What the headers of a mail are, and what may never get into them."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from uuid import uuid4

import pytest

from accord.mail.message import address, compose
from accord.mail.templates import Rendered, UnsafeHeader

MAIL = Rendered("Grüße & mehr", "Text\n", "<p>HTML</p>\n")


def composed(to: str = "ada@example.com", mail: Rendered = MAIL, **options):
    options = {"mail_id": uuid4(), "mail_from": "Accord <no-reply@example.org>", **options}
    message = compose(mail, to=to, date=datetime(2026, 11, 30, 12, tzinfo=UTC), **options)
    return message_from_bytes(message.as_bytes(), policy=policy.default)


def test_a_mail_says_whose_it_is_that_a_program_sent_it_and_when():
    mail_id = uuid4()

    message = composed(mail_id=mail_id)

    assert message["Message-ID"] == f"<{mail_id}@example.org>"
    assert message["From"] == "Accord <no-reply@example.org>"
    assert (message["To"], message["Subject"]) == ("ada@example.com", "Grüße & mehr")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"] == "Mon, 30 Nov 2026 12:00:00 +0000"
    assert message["List-Unsubscribe"] is None
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_an_optional_mail_can_be_unsubscribed_in_one_click():
    message = composed(unsubscribe_url="https://accord.example.org/unsubscribe/1")

    assert message["List-Unsubscribe"] == "<https://accord.example.org/unsubscribe/1>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize(
    "to",
    [
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com, eve@example.com",
        "Ada <ada@example.com>",
        "ada",
        "@example.com",
        "",
        "ada@example.com>",
        "ada@[",
        "ada@ex\x00ample.com",
    ],
)
def test_a_text_that_is_not_one_address_is_refused(to):
    with pytest.raises(UnsafeHeader):
        composed(to)


def test_a_subject_of_two_lines_is_refused():
    with pytest.raises(UnsafeHeader):
        composed(mail=MAIL._replace(subject="Hello\r\nBcc: eve@example.com"))


def test_a_domain_of_other_letters_is_written_without_them():
    assert address("ada@münchen.example").addr_spec == "ada@xn--mnchen-3ya.example"
