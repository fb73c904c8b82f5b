"""`accord mail test`, `accord inbox` and the doctor tell the words of the SMTP server, and never its password."""

import asyncio

import pytest
from given import new_email
from mail_server import PASSWORD, mail_server

from accord.cli import mail
from accord.cli.doctor.mail import finding
from accord.settings import load


@pytest.fixture
def settings():
    return lambda url: load({"ENV": "test", "SMTP_URL": url, "MAIL_FROM": "accord@example.org", "SMTP_TIMEOUT": "2"})


async def test_a_test_mail_is_sent_and_the_words_of_the_server_are_shown(settings, capsys):
    async with mail_server() as server:
        status = await mail.send_test(settings(f"smtp://127.0.0.1:{server.port}"), "ada@example.com")

    printed = capsys.readouterr().out
    assert status == 0
    assert server.received[0]["Subject"] == "Accord can send mail"
    assert "Message accepted for delivery" in printed
    assert "without TLS" in printed


async def test_the_words_of_a_server_that_refuses_are_shown(settings, capsys):
    async with mail_server(to_recipient="550 5.1.1 No such user here") as server:
        status = await mail.send_test(settings(f"smtp://127.0.0.1:{server.port}"), "ada@example.com")

    assert (status, "550 5.1.1 No such user here" in capsys.readouterr().err) == (1, True)


async def test_without_a_server_the_command_names_the_inbox(capsys):
    assert await mail.send_test(load({}), "ada@example.com") == 1
    assert "/docs/inbox" in capsys.readouterr().err


async def test_the_doctor_connects_and_signs_in_without_sending(settings, pem, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    async with mail_server(pem, authenticates=True) as server:
        works = await finding(
            settings(f"smtp://accord:{PASSWORD.replace('@', '%40').replace('/', '%2F')}@localhost:{server.port}")
        )
        refused = await finding(settings(f"smtp://accord:canary@localhost:{server.port}"))

    assert "STARTTLS, signed in" in str(works)
    assert (works.works, refused.works, server.received) == (True, False, [])
    assert "535" in str(refused)
    assert "canary" not in str(refused)


async def test_the_doctor_tells_that_mails_are_kept_where_no_server_is_configured():
    assert str(await finding(load({}))).startswith("✓ mail: kept in the inbox at /docs/inbox")


async def test_the_inbox_prints_the_mails_that_fit(given, service):
    to = new_email()
    await given.sql(
        "INSERT INTO accord.inbox (id, at, recipient, recipient_key, subject, template, text, html, links)"
        " VALUES (gen_random_uuid(), now(), %s, %s, 'Hello', 'test', E'one\\x1b[31m\\ntwo', '', '[]')",
        to,
        to,
    )

    found, none = [await asyncio.to_thread(service.command, "inbox", "--to", address) for address in (to, new_email())]

    assert (found.returncode, none.returncode) == (0, 1), found.stderr
    assert found.stdout.endswith(f"{to}  Hello\n\none�[31m\ntwo\n")
    assert none.stdout == "No mail fits.\n"


async def test_production_has_no_inbox_to_print(service):
    done = await asyncio.to_thread(service.command, "inbox", **service.production)

    assert (done.returncode, "Production keeps no mails" in done.stderr) == (1, True)
