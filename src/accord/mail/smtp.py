"""The SMTP server: connections that are used again, and its words when it refuses.

A reply to one mail (5xx: never, 4xx: not now) is about that mail. Any other failure, a wrong password included, is
about the server: the mail waits, and after some failures in a row nothing is sent for a while.
"""

import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from accord.outbound.breaker import Breaker
from accord.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from email.message import EmailMessage

    from aiosmtplib import SMTP

MAX_IDLE = 5
"""Connections kept for the next mail."""
PORTS = {"smtp": 587, "smtps": 465}
_ABOUT_THE_CLIENT = {530, 534, 535, 538}
"""Replies that ask for (other) authentication or encryption: the mail is not to blame."""
_MAX_WORDS = 500


class MailNotSent(Exception):
    """The server was not reached, or does not take the mail now; the message has its words."""


class ServerFailed(MailNotSent):
    """The server was not reached, is out of order, or refuses this client; its mails wait."""


class Refused(Exception):
    """The server will never take this mail; `status` is its reply code, the message has its words."""

    def __init__(self, status: int, words: str) -> None:
        """Take the reply."""
        super().__init__(f"{status} {words}")
        self.status = status


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where SMTP_URL points to."""

    host: str
    port: int
    is_tls: bool
    """Whether TLS begins with the connection, and not with STARTTLS."""
    user: str | None
    password: str | None = field(repr=False)
    needs_tls: bool
    """Whether nothing is sent without TLS: everywhere but on this machine."""

    @classmethod
    def of(cls, smtp_url: str) -> "SmtpServer":
        """Return the server of a checked URL."""
        url = urlsplit(smtp_url)
        host = url.hostname or ""
        user, password = (None if part is None else unquote(part) for part in (url.username, url.password))
        port = url.port or PORTS[url.scheme]
        return cls(host, port, url.scheme == "smtps", user or None, password or None, needs_tls=not _is_loopback(host))

    def __str__(self) -> str:
        """Return host and port, without the password."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Smtp:
    """Sends messages to one server over connections that it keeps."""

    def __init__(self, server: SmtpServer, settings: Settings, tls: ssl.SSLContext | None = None) -> None:
        """Connect to nothing yet; `tls` replaces the certificates that the system trusts."""
        from accord.mail.message import sender  # noqa: PLC0415 - most processes of development send nothing

        self._server = server
        self._sender = sender(settings.mail_from)
        self._timeout = float(settings.smtp_timeout)
        self._tls = tls
        self._idle: list[SMTP] = []
        self._breaker = Breaker("smtp", f"the SMTP server {server}")

    async def send(self, message: "EmailMessage", to: str) -> str:
        """Send to one address; return the server's words. Raises MailNotSent, Refused and CircuitOpen.

        A server that took the message and hangs before it says so may get it again: its Message-ID stays the same.
        """
        with self._breaker.call(ServerFailed):
            async with self._connection() as connection:
                return await _sent(connection, message, self._sender.addr_spec, to)

    async def greet(self) -> str:
        """Connect, encrypt and sign in without sending; return how. Raises MailNotSent."""
        async with self._connection() as connection:
            return describe(connection, self._server)

    async def close(self) -> None:
        """Close the connections that are kept."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @asynccontextmanager
    async def _connection(self) -> "AsyncGenerator[SMTP]":
        """Yield a connection; it is kept unless the block found it broken."""
        connection = await self._kept() or await self._connected()
        try:
            yield connection
        except (MailNotSent, Refused):
            self._keep(connection)
            raise
        except BaseException:
            connection.close()
            raise
        self._keep(connection)

    async def _kept(self) -> "SMTP | None":
        """Return a kept connection that still works: servers close those that are idle."""
        from aiosmtplib import SMTPException  # noqa: PLC0415 - only a process that sends mail needs it

        while self._idle:
            connection = self._idle.pop()
            try:
                if connection.is_connected:
                    await connection.rset()
                    return connection
            except (SMTPException, OSError):
                pass
            connection.close()
        return None

    def _keep(self, connection: "SMTP") -> None:
        if connection.is_connected and len(self._idle) < MAX_IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    async def _connected(self) -> "SMTP":
        from aiosmtplib import SMTP, SMTPException, SMTPResponseException  # noqa: PLC0415 - as above

        server = self._server
        connection = SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            local_hostname=self._sender.domain,
            timeout=self._timeout,
            use_tls=server.is_tls,
            start_tls=None if server.is_tls or not server.needs_tls else True,
            validate_certs=server.needs_tls or self._tls is not None,
            tls_context=self._tls,
        )
        try:
            await connection.connect()
        except SMTPResponseException as error:
            raise ServerFailed(f"{server} says: {error.code} {_words(error.message)}") from error
        except (SMTPException, OSError, ValueError) as error:
            raise ServerFailed(f"{server}: {_words(str(error)) or type(error).__name__}") from error
        return connection


async def _sent(connection: "SMTP", message: "EmailMessage", mail_from: str, to: str) -> str:
    from aiosmtplib import (  # noqa: PLC0415 - as above
        SMTPException,
        SMTPNotSupported,
        SMTPRecipientsRefused,
        SMTPResponseException,
    )

    try:
        _, words = await connection.send_message(message, sender=mail_from, recipients=[to])
    except SMTPRecipientsRefused as error:
        raise _refusal(error.recipients[0].code, error.recipients[0].message) from error
    except SMTPResponseException as error:
        raise _refusal(error.code, error.message) from error
    except SMTPNotSupported as error:
        raise Refused(553, _words(error.message)) from error
    except (SMTPException, OSError) as error:
        connection.close()
        raise ServerFailed(_words(str(error)) or type(error).__name__) from error
    return _words(words)


def _refusal(code: int, words: str) -> Exception:
    if code in _ABOUT_THE_CLIENT or code == 421:  # noqa: PLR2004 - the server ends the connection
        return ServerFailed(f"{code} {_words(words)}")
    return Refused(code, _words(words)) if code >= 500 else MailNotSent(f"{code} {_words(words)}")  # noqa: PLR2004


def describe(connection: "SMTP", server: SmtpServer) -> str:
    """Return what people should know of a connection."""
    is_encrypted = connection.get_transport_info("sslcontext") is not None
    how = ("TLS" if server.is_tls else "STARTTLS") if is_encrypted else "without TLS, on this machine"
    return f"{server} responds, {how}{', signed in' if server.user else ', without a user'}"


def _words(text: str) -> str:
    """Return a server's words on one line: they are printed and logged."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_MAX_WORDS]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
