"""The settings of mail: a server, a sender, and the address that links begin with."""

import pytest

from accord.queue.enqueue import MAX_AHEAD
from accord.settings import SettingsError, load


def refused(environ: dict[str, str]) -> set[str]:
    """Load, and return the variables that are wrong."""
    with pytest.raises(SettingsError) as error:
        load(environ)
    return {line.split(" ", 1)[0] for line in error.value.problems}


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org",
        "http://mail.example.org",
        "smtp://",
        "smtp://ada@mail.example.org",
        "smtp://mail:x",
        "smtp://m/?a=1",
    ],
)
def test_the_mail_server_is_an_smtp_url_with_both_user_and_password_or_neither(url):
    assert refused({"SMTP_URL": url}) == {"SMTP_URL"}


@pytest.mark.parametrize("sender", ["Accord", "a@b, c@d", "A <a@b>\r\nBcc: <c@d>", "<>", "a@"])
def test_the_sender_is_one_address(sender):
    assert refused({"MAIL_FROM": sender}) == {"MAIL_FROM"}


@pytest.mark.parametrize(
    "url", ["accord.example", "ftp://a", "https://a?b", "https://a#b", "https://u:p@a", "https://a b"]
)
def test_the_public_address_is_a_url_without_a_query(url):
    assert refused({"PUBLIC_URL": url}) == {"PUBLIC_URL"}


def test_the_public_address_loses_the_slash_at_its_end():
    assert load({"PUBLIC_URL": "https://a.example:8443/accord/"}).public_url == "https://a.example:8443/accord"


def test_the_follow_up_of_a_welcome_comes_within_the_year_that_a_job_may_wait():
    assert load({"WELCOME_FOLLOW_UP": "365d"}).welcome_follow_up_after == MAX_AHEAD.total_seconds()
    assert refused({"WELCOME_FOLLOW_UP": "366d"}) == {"WELCOME_FOLLOW_UP"}


def test_the_follow_up_of_a_welcome_comes_sooner_in_development():
    after = [load(environ).welcome_follow_up_after for environ in ({}, {"ENV": "test"}, {"WELCOME_FOLLOW_UP": "3d"})]

    assert after == [30, 2 * 86_400, 3 * 86_400]
