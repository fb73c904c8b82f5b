"""One compiled pipeline for each operation: everything the contract says about it, looked up once, at start."""

import time
from typing import Any

import orjson

from accord.api import body, preconditions
from accord.api.answers import Answer, Header, problem_document
from accord.api.authentication import Authentication
from accord.api.limits import Limits
from accord.api.negotiation import accepts_json
from accord.api.pagination import next_link
from accord.api.parameters import CompiledParameters
from accord.api.request import Request
from accord.context import RequestInfo
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
        self._body_limit = body_limit
        self._timeout = timeout
        self._parameters = CompiledParameters(operation.parameters)
        self._validate_body = None if operation.body_schema is None else compile_validator(operation.body_schema)
        properties: dict[str, Any] = resolve(bundle, operation.success_schema or {}).get("properties", {})
        self._has_version = "version" in properties and "id" in properties
        self._pages = "totalPages" in properties or "nextCursor" in properties
        self._compressible = not _SECRET_FIELDS & set(properties)
        self._cache_control: str | None = operation.definition.get("x-cache-control")

    async def __call__(self, request: Request, path: dict[str, str]) -> Answer:
        """Answer the request, or raise the problem that refuses it."""
        operation = self.operation
        accept = request.headers.get(b"accept")
        if accept is not None and not accepts_json(accept):
            raise NotAcceptable
        has_body = body.guard(request, self._body_limit)
        limit_headers = await self._limits.before(request, operation)
        caller = await self._authenticate(request, operation.access)
        if caller.id:
            limit_headers = self._limits.signed_in(caller.id) or limit_headers
        if operation.permission is not None and not allows(caller.permissions, operation.permission):
            raise Forbidden
        inputs = await self._inputs(request, path, has_body=has_body)
        if_match = request.headers.get(b"if-match")
        if if_match is not None:
            preconditions.check_if_match(if_match, inputs)
        result = await self._dispatch(operation, caller, self._info(request), inputs)
        answer = self._answer(request, result) if result.success else self._refusal(request, result)
        answer.headers += limit_headers
        answer.compressible = self._compressible
        answer.caller = caller.id or None
        answer.trace = result.trace
        return answer

    async def _inputs(self, request: Request, path: dict[str, str], *, has_body: bool) -> dict[str, Any]:
        inputs, errors = self._parameters.parse(path, request.query, request.headers)
        if self._validate_body is not None:
            inputs["body"] = None
            if has_body:
                text = await body.read(request, self._body_limit)
                if text:
                    inputs["body"] = value = body.parse_json(text)
                    errors += self._validate_body(value)
            if inputs["body"] is None and self.operation.body_required and not errors:
                errors.append(FieldError(field="", message="a JSON body is required"))
        if errors:
            raise ValidationFailed(errors=errors)
        return inputs

    def _info(self, request: Request) -> RequestInfo:
        deadline = time.time() + self._timeout
        return RequestInfo(request.id, request.address, request.user_agent, request.traceparent, deadline)

    def _answer(self, request: Request, result: Result) -> Answer:
        headers: list[Header] = []
        data = result.data
        if self._has_version:
            version: int = data["version"]
            headers.append((b"etag", preconditions.etag(version)))
            if_none_match = request.headers.get(b"if-none-match")
            conditional = if_none_match is not None and request.method in {"GET", "HEAD"}
            if conditional and preconditions.is_unchanged(if_none_match or b"", version):
                return Answer(304, headers=headers)
        if self._pages:
            headers += next_link(request, data)
        answer = Answer(result.status, b"" if data is None else orjson.dumps(data), headers=headers)
        if self._cache_control is not None:
            answer.cache_control = self._cache_control.encode()
        return answer

    def _refusal(self, request: Request, result: Result) -> Answer:
        status, code, detail, detailed = (
            result.status,
            result.error_code or "",
            result.message,
            result.detailed,
        )
        if code == VersionConflict.code and b"if-match" in request.headers:
            status, code, detail = (
                PreconditionFailed.status,
                PreconditionFailed.code,
                PreconditionFailed.detail,
            )
        return problem_document(status, code, detail, detailed, request.id, request.path)
