"""The parts that flows use, on a database, without a service: for tests of jobs, calls, reactions and mail."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from accord.context import Resources
from accord.contract import bundle
from accord.contract.tasks import tasks
from accord.database.database import Database
from accord.database.idempotency import Idempotency
from accord.database.pagination import Cursors
from accord.mail.mail import Mailer
from accord.queue.tasks import Tasks
from accord.security.passwords import Passwords
from accord.security.tokens import AccessTokens
from accord.settings import Settings


@asynccontextmanager
async def opened_resources(
    url: str, data_dir: Path, settings: Settings | None = None, *, connections: int = 4, **changes: Any
) -> AsyncIterator[Resources]:
    """Open the parts of one process; the changes are those of fields of the resources."""
    settings = settings or Settings(data_dir=data_dir)
    database = Database(url, connections)
    await database.open()
    passwords, mailer = Passwords(settings), Mailer(settings)
    parts: dict[str, Any] = {
        "settings": settings,
        "database": database,
        "passwords": passwords,
        "tokens": AccessTokens(settings),
        "cursors": Cursors(b"k"),
        "idempotency": Idempotency(database, b"k"),
        "probes": {},
        "mailer": mailer,
        "tasks": Tasks(tasks(bundle.load())),
    }
    try:
        yield Resources(**parts | changes)
    finally:
        passwords.close()
        await mailer.close()
        await database.close()
