"""The address that links begin with, as people on this machine open it."""

import pytest

from accord.mail.mail import Mailer
from accord.mail.public_address import as_opened, note
from accord.settings import load


@pytest.mark.parametrize(
    ("listens_on", "opened"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://0.0.0.0:9", "http://localhost:9"),
        ("http://[::]:9", "http://localhost:9"),
    ],
)
def test_an_address_of_every_interface_is_opened_by_name(listens_on, opened):
    assert as_opened(listens_on) == opened


def test_the_setting_comes_first_then_the_own_address_then_that_of_the_data_folder(tmp_path):
    settings = load({"DATA_DIR": str(tmp_path)})
    assert Mailer(settings).public_url == "http://localhost:8080"

    note(settings, "http://127.0.0.1:4711")
    assert Mailer(settings).public_url == "http://127.0.0.1:4711"
    own = Mailer(settings)
    own.address = "http://127.0.0.1:4712"
    assert own.public_url == "http://127.0.0.1:4712"
    assert (
        Mailer(load({"DATA_DIR": str(tmp_path), "PUBLIC_URL": "https://a.example"})).public_url == "https://a.example"
    )
