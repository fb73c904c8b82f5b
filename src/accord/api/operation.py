"""One compiled pipeline for each operation: everything the contract says about it, looked up once, at start."""

import time
from typing import Any

import orjson

from accord.api import preconditions
from accord.api.answers import NO_STORE, Answer, problem_document
from accord.api.authentication import Authentication
from accord.api.body import BodyGuard, parse_json
from accord.api.limits import Limits
from accord.api.negotiation import accepts_json
from accord.api.pagination import next_link
from accord.api.parameters import CompiledParameters
from accord.api.request import Request
from accord.context import ANONYMOUS, RequestInfo
from accord.contract.operations import Operation, resolve
from accord.contract.validators import FieldError, compile_validator
from accord.dispatch import Dispatch, Result
from accord.problems import Forbidden, NotAcceptable, PreconditionFailed, ValidationFailed, VersionConflict
from accord.security.permissions import allows

_SECRET_FIELDS = {"accessToken", "refreshToken"}


class CompiledOperation:
    """Guards, authenticates, authorises, validates, dispatches and answers one operation, in the order of E-1."""

    def __init__(
        self,
        operation: Operation,
        bundle: dict[str, Any],
        dispatch: Dispatch,
        authentication: Authentication,
        limits: Limits,
        *,
        body_limit: int,
        timeout: float,
    ) -> None:
        """Compile the validators and decide everything that does not depend on the request."""
        self.operation = operation
        self._dispatch = dispatch
        self._authenticate = authentication
        self._limits = limits
        self._timeout = timeout
        self._guard = BodyGuard(body_limit, expected=operation.body_schema is not None)
        self._parameters = CompiledParameters(operation.parameters)
        self._validate_body = None if operation.body_schema is None else compile_validator(operation.body_schema)
        headers = {parameter.name for parameter in operation.parameters if parameter.place == "header"}
        self._takes_if_match = "If-Match" in headers
        self._takes_if_none_match = "If-None-Match" in headers
        properties: dict[str, Any] = resolve(bundle, operation.success_schema or {}).get("properties", {})
        self._has_version = "version" in properties and "id" in properties
        self._pages = "totalPages" in properties or "nextCursor" in properties
        self._compressible = not _SECRET_FIELDS & set(properties)
        self._cache_control: bytes = operation.definition.get("x-cache-control", NO_STORE.decode()).encode()

    async def __call__(self, request: Request, path: dict[str, str]) -> Answer:
        """Answer the request, or raise the problem that refuses it."""
        operation, headers = self.operation, request.headers
        if b"accept" in headers and not accepts_json(headers[b"accept"]):
            raise NotAcceptable
        has_body = self._guard.check(request)
        await self._limits.before(request, operation)
        caller = ANONYMOUS if operation.access == "public" else await self._authenticate(request, operation.access)
        self._limits.after(request, caller)
        if operation.permission is not None and not allows(caller.permissions, operation.permission):
            raise Forbidden
        inputs = await self._inputs(request, path, has_body=has_body)
        result = await self._dispatch(operation, caller, self._info(request), inputs)
        answer = self._answer(request, result) if result.success else self._refusal(request, result)
        answer.compressible = self._compressible
        answer.caller = caller.id or None
        answer.trace = result.trace
        return answer

    async def _inputs(self, request: Request, path: dict[str, str], *, has_body: bool) -> dict[str, Any]:
        inputs, errors = self._parameters.parse(path, request.query, request.headers)
        if self._validate_body is not None:
            text = await self._guard.read(request) if has_body else b""
            inputs["body"] = parse_json(text) if text else None
            if text:
                errors += self._validate_body(inputs["body"])
            elif self.operation.body_required:
                errors.append(FieldError(field="", message="a JSON body is required"))
        if errors:
            raise ValidationFailed(errors=errors)
        if self._takes_if_match and b"if-match" in request.headers:
            preconditions.check_if_match(request.headers[b"if-match"], inputs)
        return inputs

    def _info(self, request: Request) -> RequestInfo:
        deadline = time.time() + self._timeout - request.elapsed()
        return RequestInfo(request.id, request.address, request.user_agent, request.traceparent, deadline)

    def _answer(self, request: Request, result: Result) -> Answer:
        data = result.data
        answer = Answer(result.status, cache_control=self._cache_control)
        if self._has_version:
            version: int = data["version"]
            answer.headers.append((b"etag", preconditions.etag(version)))
            if_none_match = request.headers.get(b"if-none-match") if self._takes_if_none_match else None
            if if_none_match is not None and preconditions.is_unchanged(if_none_match, version):
                answer.status = 304
                return answer
        if self._pages:
            answer.headers += next_link(request, data)
        if data is not None:
            answer.body = orjson.dumps(data)
        return answer

    def _refusal(self, request: Request, result: Result) -> Answer:
        status, code, detail = result.status, result.error_code or "", result.message
        if self._takes_if_match and code == VersionConflict.code and b"if-match" in request.headers:
            stale = PreconditionFailed
            status, code, detail = stale.status, stale.code, stale.detail
        return problem_document(status, code, detail, result.detailed, request.id, request.path)
