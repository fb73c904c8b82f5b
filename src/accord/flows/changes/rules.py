"""Who may follow which key, and what tickets are."""

import base64
import hashlib
import importlib
from collections.abc import Collection
from functools import cache
from typing import Any

from accord.context import Context
from accord.contract import bundle
from accord.contract.records import (
    Key,
    ListKey,
    RecordKey,
    RecordType,
    kinds,
    list_owners,
    owner_to_read,
    parse_key,
)
from accord.journal import reading
from accord.journal.cursors import Cursor, cursor_at, fits
from accord.problems import NotFound, ValidationFailed

TICKET_PREFIX = "accord_ticket_"
TICKET_SECONDS = 30


def parsed(keys: str) -> list[Key]:
    """Return the keys of a request; what is not written like a key is not found."""
    names = keys.split(",")
    found = [key for key in map(parse_key, names) if key is not None]
    if len(set(names)) != len(names) or len(set(found)) != len(found):
        raise ValidationFailed(errors=[{"field": "keys", "message": "must not name a key twice"}])
    if len(found) != len(names):
        raise NotFound
    return found


async def readable_version(context: Context, key: Key) -> int | None:
    """Return the version of a record, None for a list; raise NotFound for what the caller may not read."""
    if isinstance(key, ListKey):
        await _require_list(context, key)
        return None
    record = kinds().get(key.table)
    if record is None or not context.caller.may(record.read.permission or "self"):
        raise NotFound
    return await _read_version(context, record, key)


async def _require_list(context: Context, key: ListKey) -> None:
    try:
        owner = owner_to_read(key, _lists(), context.caller.id)
    except KeyError:
        raise NotFound from None
    if owner is not None:
        await readable_version(context, owner)


async def _read_version(context: Context, record: RecordType, key: RecordKey) -> int:
    """Let the record's own domain read it, found by name as domains do not know each other."""
    read = record.read
    flow = getattr(importlib.import_module(f"accord.flows.{read.domain}.{read.flow_name}"), read.flow_name)
    inputs = {parameter.argument: parameter.default for parameter in read.parameters if parameter.place == "query"}
    found = await flow(context, **inputs, **{record.id_argument: key.id})
    return found["version"]


async def end_of_window(context: Context, begin: Cursor, last: Cursor) -> Cursor:
    """Return how far one request searches."""
    if last.position - begin.position <= reading.WINDOW:
        return last
    return await cursor_at(context.read, begin.position + reading.WINDOW) or last


async def entries_between(
    context: Context, begin: Cursor, upto: Cursor, keys: Collection[Key], limit: int
) -> list[Any] | None:
    """Return the entries that change any of the keys; None when the cursor is of another history, or too old."""
    if begin == upto:
        return []
    if begin.position > upto.position or not await fits(context.read, begin):
        return None
    try:
        return await reading.changes(context.read, begin.position, upto.position, keys, limit)
    except reading.Forgotten:
        return None


def new_ticket(context: Context) -> str:
    """Return a ticket with 256 random bits."""
    return TICKET_PREFIX + base64.urlsafe_b64encode(context.random_bytes(32)).rstrip(b"=").decode()


def ticket_hash(ticket: str) -> bytes:
    """Return what is stored of a ticket."""
    return hashlib.sha256(ticket.encode("utf-8", "surrogatepass")).digest()


@cache
def _lists() -> dict[str, str | None]:
    return list_owners(bundle.load())
