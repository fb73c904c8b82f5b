"""The body guard: what a request body may be, before anything reads it, and the read itself, bounded."""

import re
from typing import Any

from accord.api.request import Request
from accord.contract.json_body import MalformedJson, parse
from accord.problems import PayloadTooLarge, UnsupportedMediaType, ValidationFailed

_json = re.compile(rb'application/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?', re.IGNORECASE).fullmatch


class ClientDisconnected(Exception):
    """The client went away before its request was complete; there is nobody to answer."""


def guard(request: Request, limit: int) -> bool:
    """Say whether there is a body; refuse one that is not plain JSON, or says that it is over `limit` bytes."""
    headers = request.headers
    length = headers.get(b"content-length")
    if length is None and b"transfer-encoding" not in headers:
        return False
    if length is not None:
        if int(length) > limit:
            raise PayloadTooLarge
        if int(length) == 0:
            return False
    if b"content-encoding" in headers or _json(headers.get(b"content-type", b"")) is None:
        raise UnsupportedMediaType
    return True


async def read(request: Request, limit: int) -> bytes:
    """Return the body; stop reading as soon as it is over `limit` bytes, whatever it announced."""
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnected
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(body) > limit:
            raise PayloadTooLarge
        return body
    return await _read_on(request, limit, body)


async def _read_on(request: Request, limit: int, first: bytes) -> bytes:
    chunks, size, more = [first], len(first), True
    while more:
        if size > limit:
            raise PayloadTooLarge
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
    if size > limit:
        raise PayloadTooLarge
    return b"".join(chunks)


def parse_json(body: bytes) -> Any:
    """Return the JSON value; raise ValidationFailed naming the rule that the text breaks."""
    try:
        return parse(body)
    except MalformedJson as error:
        raise ValidationFailed(errors=[{"field": "", "message": str(error)}]) from None
