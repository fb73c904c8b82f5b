"""The rules of the inbox of development."""

import asyncio
from collections.abc import Callable

from accord.context import Context
from accord.database.reader import Reader
from accord.flows.mail import queries
from accord.flows.mail.queries import MailRow
from accord.problems import NotFound
from accord.security.emails import email_key

LOOK_EVERY = 0.2
"""Seconds between two looks for a mail; no connection is held meanwhile."""


def refuse_in_production(context: Context) -> None:
    """Raise NotFound in production, which keeps no mail."""
    if context.settings.is_production:
        raise NotFound


def key_of(to: str | None) -> str | None:
    """Return the form of an address that look-ups compare."""
    return None if to is None else email_key(to)


async def mails_within(
    read: Reader, to: str | None, subject: str | None, seconds: float, is_stopping: Callable[[], bool] = lambda: False
) -> list[MailRow]:
    """Return the mails that fit, once one does, the seconds are over, or the process stops."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    while True:
        mails = await queries.newest_mails(read, key_of(to), subject)
        if mails or loop.time() >= ends or is_stopping():
            return mails
        await asyncio.sleep(LOOK_EVERY)
