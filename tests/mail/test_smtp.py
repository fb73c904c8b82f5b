"""A real SMTP server gets the mail, refuses it, hangs after DATA, or is not there."""

import asyncio
import socket
from datetime import UTC, datetime
from email.message import EmailMessage
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from mail_server import PASSWORD, USER, mail_server

from accord.mail.message import compose
from accord.mail.smtp import MailNotSent, Refused, ServerFailed, SmtpServer
from accord.mail.templates import Rendered
from accord.outbound.breaker import FAILURES, CircuitOpen

ADA = "ada@example.com"


def message(mail_id: UUID | None = None) -> EmailMessage:
    mail = Rendered("Hello", "Hello,\n\nyou.\n", "<p>Hello, you.</p>\n")
    return compose(
        mail,
        mail_id=mail_id or uuid4(),
        to=ADA,
        mail_from="Accord <no-reply@example.org>",
        date=datetime(2026, 11, 30, tzinfo=UTC),
    )


async def test_a_mail_goes_through_starttls_and_authentication(smtp, pem):
    async with mail_server(pem, authenticates=True) as server:
        url = f"smtp://{USER}:{quote(PASSWORD, safe='')}@localhost:{server.port}"

        words = await smtp(url, needs_tls=True).send(message(), ADA)

    assert words == "Message accepted for delivery"
    assert (server.envelopes, server.encrypted) == ([("no-reply@example.org", [ADA])], [True])
    assert server.received[0]["Subject"] == "Hello"
    assert server.received[0].get_body(("plain",)).get_content().splitlines() == ["Hello,", "", "you."]


async def test_without_tls_nothing_is_sent_to_another_machine(smtp):
    async with mail_server() as server:
        with pytest.raises(ServerFailed):
            await smtp(f"smtp://localhost:{server.port}", needs_tls=True).send(message(), ADA)

    assert server.received == []


async def test_a_certificate_of_an_unknown_signer_is_not_accepted(smtp, pem):
    async with mail_server(pem) as server:
        with pytest.raises(ServerFailed, match=r"(?i)certificate"):
            await smtp(f"smtp://localhost:{server.port}", needs_tls=True, trusts=False).send(message(), ADA)

    assert server.received == []


async def test_on_this_machine_a_server_without_tls_will_do(smtp):
    async with mail_server() as server:
        await smtp(f"smtp://127.0.0.1:{server.port}").send(message(), ADA)

    assert server.encrypted == [False]


def test_only_addresses_of_this_machine_do_without_tls():
    needs = {host: SmtpServer.of(f"smtp://{host}").needs_tls for host in ("localhost", "127.0.0.1", "[::1]")}
    others = {host: SmtpServer.of(f"smtp://{host}").needs_tls for host in ("mail.example.org", "10.0.0.1", "[fe80::1]")}

    assert (set(needs.values()), set(others.values())) == ({False}, {True})


def test_a_printed_server_shows_no_password():
    server = SmtpServer.of("smtps://accord:p%40ss@mail.example.org")

    assert (server.user, server.password, server.port, server.is_tls) == ("accord", "p@ss", 465, True)
    assert "p@ss" not in f"{server} {server!r}"


async def test_one_connection_is_used_for_many_mails_and_replaced_when_it_is_gone(smtp):
    async with mail_server() as server:
        sender = smtp(f"smtp://127.0.0.1:{server.port}")
        for _ in range(3):
            await sender.send(message(), ADA)
        assert server.connections == 1

        sender._idle[0].transport.abort()
        await sender.send(message(), ADA)

    assert (server.connections, len(server.received)) == (2, 4)


@pytest.mark.parametrize(("where", "reply"), [("to_recipient", "550 5.1.1 No such user"), ("to_data", "554 No spam")])
async def test_5xx_is_for_good_and_has_the_words_of_the_server(smtp, where, reply):
    async with mail_server(**{where: reply}) as server:
        with pytest.raises(Refused) as refused:
            await smtp(f"smtp://127.0.0.1:{server.port}").send(message(), ADA)

    assert (str(refused.value), refused.value.status) == (reply, int(reply[:3]))


@pytest.mark.parametrize(("where", "reply"), [("to_recipient", "450 4.2.0 Greylisted"), ("to_data", "451 Later")])
async def test_4xx_is_not_for_good_and_no_failure_of_the_server(smtp, where, reply):
    async with mail_server(**{where: reply}) as server:
        sender = smtp(f"smtp://127.0.0.1:{server.port}")
        for _ in range(FAILURES + 1):
            with pytest.raises(MailNotSent, match=reply) as later:
                await sender.send(message(), ADA)
            assert not isinstance(later.value, ServerFailed)

    assert server.connections == 1


async def test_a_server_that_hangs_after_data_fails_the_attempt_in_time_and_gets_the_same_message_id_again(smtp):
    mail_id = uuid4()
    async with mail_server(hangs_after_data=True) as server:
        sender = smtp(f"smtp://127.0.0.1:{server.port}", SMTP_TIMEOUT="1")
        async with asyncio.timeout(20):
            with pytest.raises(ServerFailed):
                await sender.send(message(mail_id), ADA)
        server.hangs_after_data = False
        await sender.send(message(mail_id), ADA)

    assert [each["Message-ID"] for each in server.received] == [f"<{mail_id}@example.org>"] * 2


async def test_a_wrong_password_is_the_fault_of_the_server_and_not_of_the_mail(smtp, pem):
    async with mail_server(pem, authenticates=True) as server:
        sender = smtp(f"smtp://{USER}:wrong@localhost:{server.port}", needs_tls=True)
        with pytest.raises(ServerFailed, match="535"):
            await sender.send(message(), ADA)


async def test_a_server_that_failed_five_times_is_left_alone(smtp):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Bound and not listening: connections are refused.
        sender = smtp(f"smtp://127.0.0.1:{taken.getsockname()[1]}")
        for _ in range(FAILURES):
            with pytest.raises(ServerFailed):
                await sender.send(message(), ADA)

        with pytest.raises(CircuitOpen) as left_alone:
            await sender.send(message(), ADA)

    assert 0 < left_alone.value.seconds <= 30


async def test_words_of_a_server_are_one_printable_line(smtp):
    async with mail_server(to_data="554 \x1b[31mred\x07 " + "x" * 400) as server:
        with pytest.raises(Refused) as refused:
            await smtp(f"smtp://127.0.0.1:{server.port}").send(message(), ADA)

    assert str(refused.value).isprintable()
