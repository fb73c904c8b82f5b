"""The parts of a command that changes records as flows do, beside the processes of the service or without them."""

from collections.abc import AsyncGenerator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from accord.boot import clock as database_clock
from accord.boot.contract import load_contract
from accord.boot.reacting import composed
from accord.context import Context, Resources
from accord.database.database import Database
from accord.database.idempotency import Idempotency
from accord.database.pagination import Cursors
from accord.dispatch import run_to_commit
from accord.mail.mail import Mailer
from accord.security.keys import derived_key
from accord.security.passwords import Passwords
from accord.security.tokens import AccessTokens
from accord.settings import Settings

Returned = TypeVar("Returned")


@asynccontextmanager
async def command_resources(settings: Settings, url: str) -> AsyncGenerator[Resources]:
    """Open the parts; no message wakes the processes of the service, which find jobs and entries when they poll."""
    contract = load_contract()
    async with AsyncExitStack() as stack:
        database = Database(url, 1)
        await database.open()
        stack.push_async_callback(database.close)
        await database_clock.learn(database)
        passwords = Passwords(settings)
        stack.callback(passwords.close)
        mailer = Mailer(settings)
        stack.push_async_callback(mailer.close)
        resources = Resources(
            settings=settings,
            database=database,
            passwords=passwords,
            tokens=AccessTokens(settings),
            cursors=Cursors(derived_key(settings, "cursors")),
            idempotency=Idempotency(database, derived_key(settings, "idempotency")),
            probes={},
            mailer=mailer,
            tasks=contract.tasks,
        )
        composed(resources, contract)
        yield resources


async def committed(context: Context, flow: Awaitable[Returned]) -> Returned:
    """Return what the flow returns once its writes are committed; an exception takes them back."""
    try:
        return await run_to_commit(context, flow)
    except BaseException:
        await context.rollback()
        raise
