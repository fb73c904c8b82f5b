"""The body guard, which checks a body's headers before the body is read and limits the read; and the JSON parser."""

import re
from typing import Any

from accord.contract import json_body
from accord.contract.ids import compile_normaliser
from accord.contract.validators import FieldError, compile_validator
from accord.edge.pipeline.request import Receive, Request
from accord.problems import PayloadTooLarge, UnsupportedMediaType, ValidationFailed

_json = re.compile(rb'application/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?', re.IGNORECASE).fullmatch


class ClientDisconnected(Exception):
    """The client disconnected before its request was complete; no response can be sent."""


class BodyGuard:
    """Decides on a request's body by its headers, and reads it up to the limit."""

    def __init__(self, limit: int, *, expected: bool) -> None:
        """Take the limit in bytes, and whether the operation has a body."""
        self._limit = limit
        self._expected = expected

    def check(self, request: Request) -> bool:
        """Return whether the request has a body. Raises a problem unless it is plain JSON and within the limit."""
        headers = request.headers
        given = headers.get(b"content-length")
        length = 0 if given is None else int(given)
        if length == 0 and b"transfer-encoding" not in headers:
            return False
        if not self._expected:
            raise ValidationFailed(errors=[{"field": "", "message": "this operation takes no body"}])
        if length > self._limit:
            raise self._too_large()
        if b"content-encoding" in headers:
            raise UnsupportedMediaType
        kind = headers.get(b"content-type", b"")
        if kind != b"application/json" and _json(kind) is None:
            raise UnsupportedMediaType
        return True

    async def read(self, request: Request) -> bytes:
        """Return the body; reading stops as soon as the body is over the limit, also without `Content-Length`."""
        assert request.receive is not None
        return self.bounded(await self._read_pieces(request.receive))

    def bounded(self, body: bytes) -> bytes:
        """Return the body. Raises PayloadTooLarge for a body over the limit."""
        if len(body) > self._limit:
            raise self._too_large()
        return body

    async def _read_pieces(self, receive: Receive) -> bytes:
        # Not a list: a piece can be one byte, and its entry in a list takes eight.
        body, more = bytearray(), True
        while more and len(body) <= self._limit:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return bytes(body)

    def _too_large(self) -> PayloadTooLarge:
        return PayloadTooLarge(f"Nothing was changed. Send a body of at most {self._limit} bytes.")


class JsonBody:
    """Turns the text of a body into a value, and returns its schema errors."""

    def __init__(self, schema: dict[str, Any]) -> None:
        """Compile the validator."""
        self._validate = compile_validator(schema)
        self._normalise = compile_normaliser(schema)

    def parse(self, text: bytes) -> tuple[Any, list[FieldError]]:
        """Return the value and its schema errors. Raises ValidationFailed when the text is not one JSON text."""
        is_large = len(text) > json_body.LARGE
        try:
            value = json_body.load(text)
            if not is_large:
                json_body.check(text, value)
            if self._normalise is not None:
                value = self._normalise(value)
            errors = self._validate(value)
            if is_large and not errors:
                json_body.check(text, value)
        except json_body.MalformedJson as error:
            raise ValidationFailed(errors=[{"field": "", "message": str(error)}]) from None
        return value, errors
