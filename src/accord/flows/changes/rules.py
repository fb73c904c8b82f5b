"""Which keys a caller may follow, and the form of tickets."""

from collections.abc import Collection
from functools import cache
from typing import NamedTuple

from accord.context import SignedInContext
from accord.contract import bundle
from accord.contract.records import (
    Key,
    ListKey,
    RecordKey,
    kinds,
    list_owners,
    owner_to_read,
    parse_key,
)
from accord.flows.record_types import record_type
from accord.journal import reading
from accord.journal.cursors import Cursor, cursor_at, fits
from accord.problems import NotFound, ValidationFailed
from accord.security.opaque_tokens import new_token

TICKET_PREFIX = "accord_ticket_"
TICKET_SECONDS = 30


def parsed(keys: str) -> list[Key]:
    """Return the keys of a request; raise NotFound for a text that is not a key."""
    names = keys.split(",")
    found = [key for key in map(parse_key, names) if key is not None]
    if len(set(names)) != len(names) or len(set(found)) != len(found):
        raise ValidationFailed(errors=[{"field": "keys", "message": "must not name a key twice"}])
    if len(found) != len(names):
        raise NotFound
    return found


class Readable(NamedTuple):
    """A key that the caller may read: the record's version, None for a list, and the keys that access rests on."""

    version: int | None
    rests_on: list[str]


async def read_as_caller(context: SignedInContext, key: Key) -> Readable:
    """Read the record or list of a key as the caller; raise NotFound unless the caller may read it.

    Access rests on the key itself and, from owner to owner, on every record that has to be readable for it.
    """
    if isinstance(key, ListKey):
        return Readable(None, [str(key), *await _owners_of_list(context, key)])
    kind = kinds().get(key.table)
    if kind is None or not context.caller.may(kind.read.permission or "self"):
        raise NotFound
    rows = await record_type(key.table).readable(context.read, context.caller, [key.id])
    if not rows:
        raise NotFound
    owner = kind.owner_of(rows[0])
    return Readable(rows[0].version, [str(key), *([] if owner is None else await _owners_of_record(context, owner))])


async def _owners_of_list(context: SignedInContext, key: ListKey) -> list[str]:
    try:
        owner = owner_to_read(key, _lists(), context.caller.id)
    except KeyError:
        raise NotFound from None
    return [] if owner is None else (await read_as_caller(context, owner)).rests_on


async def _owners_of_record(context: SignedInContext, owner: RecordKey) -> list[str]:
    """Return what the owner rests on; an owner that has no owner itself is not read."""
    if kinds()[owner.table].owner is None:
        return [str(owner)]
    return (await read_as_caller(context, owner)).rests_on


async def end_of_window(context: SignedInContext, begin: Cursor, last: Cursor) -> Cursor:
    """Return the cursor up to which one request searches."""
    if last.position - begin.position <= reading.WINDOW:
        return last
    return await cursor_at(context.read, begin.position + reading.WINDOW) or last


async def entries_between(
    context: SignedInContext, begin: Cursor, until: Cursor, keys: Collection[Key], limit: int
) -> list[reading.ChangeEntry] | None:
    """Return the entries that change any of the keys; None when the cursor is of another history or pruned."""
    if begin == until:
        return []
    if begin.position > until.position or not await fits(context.read, begin):
        return None
    try:
        return await reading.changes(context.read, begin.position, until.position, keys, limit)
    except reading.PositionPruned:
        return None


def new_ticket(context: SignedInContext) -> str:
    """Return a ticket with 256 random bits."""
    return TICKET_PREFIX + new_token(context.random_bytes)


@cache
def _lists() -> dict[str, str | None]:
    return list_owners(bundle.load())
