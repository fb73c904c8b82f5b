"""The statements of the changes domain: one per function, the condition in the name."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import DateTime, bindparam, delete, func, insert

from accord.database.autocommit import Autocommit
from accord.database.database import Database
from accord.database.expiry import delete_batch, deletion
from accord.database.statement import Statement
from accord.database.transaction import Transaction
from accord.flows.changes.tables import live_tickets


class _Ticket(NamedTuple):
    session_id: UUID


_now = bindparam("now", type_=DateTime(timezone=True))
_ADD_TICKET = Statement(
    insert(live_tickets).values(
        {name: bindparam(name) for name in ("ticket_hash", "session_id", "expires_at")},
    )
)
_DELETE_EXPIRED_TICKETS = deletion(live_tickets, live_tickets.c.expires_at <= func.now())
_TAKE_TICKET = Statement(
    delete(live_tickets)
    .where(live_tickets.c.ticket_hash == bindparam("presented"), live_tickets.c.expires_at > _now)
    .returning(live_tickets.c.session_id),
    _Ticket,
)


async def add_ticket(tx: Transaction, ticket_hash: bytes, session_id: str, expires_at: datetime) -> None:
    """Insert a ticket."""
    await tx.run(_ADD_TICKET, ticket_hash=ticket_hash, session_id=session_id, expires_at=expires_at)


async def delete_some_expired_tickets(database: Autocommit) -> bool:
    """Delete some tickets that expired unused; return whether more may be left."""
    return await delete_batch(database, _DELETE_EXPIRED_TICKETS)


async def take_ticket_unless_expired(database: Database, ticket_hash: bytes, now: datetime) -> UUID | None:
    """Delete the ticket and return its session; of two concurrent uses, in any process, one succeeds."""
    row = await database.one(_TAKE_TICKET, presented=ticket_hash, now=now)
    return None if row is None else row.session_id
