import ssl
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest

from accord.mail.smtp import Smtp, SmtpServer
from accord.settings import load


@pytest.fixture
async def smtp(pem: Path) -> AsyncGenerator[Callable[..., Smtp]]:
    """`smtp("smtp://localhost:25", needs_tls=True)` sends to that server as to one of another machine."""
    made: list[Smtp] = []

    def make(url: str, *, needs_tls: bool = False, trusts: bool = True, **settings: Any) -> Smtp:
        found = SmtpServer.of(url)
        server = SmtpServer(found.host, found.port, found.is_tls, found.user, found.password, needs_tls=needs_tls)
        loaded = load({"MAIL_FROM": "Accord <no-reply@example.org>", "SMTP_TIMEOUT": "2", **settings})
        made.append(Smtp(server, loaded, ssl.create_default_context(cafile=pem) if trusts and needs_tls else None))
        return made[-1]

    yield make
    for one in made:
        await one.close()
