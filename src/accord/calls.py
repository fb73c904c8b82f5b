"""Composition: a flow runs the flow of another operation in its own transaction, through `Context.call`.

The contract is the interface between domains: the caller's permission and the inputs are checked as for a request.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from accord.context import SYSTEM, Anonymous, Caller, Context, SignedInContext, System
from accord.contract.ids import compile_normaliser, lower_id
from accord.contract.operations import Operation, Parameter
from accord.contract.times import normalised_time
from accord.contract.validators import FieldError, Validate, compile_validator
from accord.problems import Forbidden, Problem, Unauthorized
from accord.security.permissions import allows

DEEPEST = 10
"""The most calls within one another: a flow that calls itself, by whatever way, must end."""
_normalisers: dict[str | None, Callable[[Any], Any]] = {"uuid": lower_id, "date-time": normalised_time}


class CannotCall(RuntimeError):
    """A flow calls what cannot be called so: a mistake of its author, and never one of the client."""


class WrongInputs(ValueError):
    """The inputs do not fit the contract of the called operation; the values are not in the message."""


class Calls:
    """Runs the flows of operations within the transaction of another flow."""

    def __init__(self, operations: Mapping[str, Operation], flows: Mapping[str, Callable[..., Awaitable[Any]]]) -> None:
        """Take the operations and their flows, by operationId; validators are compiled with the first call of each."""
        self._operations = operations
        self._flows = flows
        self._inputs: dict[str, _Inputs] = {}

    async def __call__(self, context: Context, operation_id: str, inputs: Mapping[str, Any]) -> Any:
        """Return what the flow returns. After any exception the transaction of the context cannot be committed.

        The system has every permission and no account. Raises the problems of the flow, Unauthorized, Forbidden,
        WrongInputs, and CannotCall: for an unknown operation, for calls too deep, for a problem that commits, and where
        a flow of `x-permission: self` asks for the account of the system.
        """
        try:
            return await self._run(context, operation_id, inputs)
        except BaseException:
            context.call_failed(operation_id)
            raise

    async def _run(self, context: Context, operation_id: str, inputs: Mapping[str, Any]) -> Any:
        operation = self._operations.get(operation_id)
        if operation is None:
            raise CannotCall(f"{operation_id} is no operation of the contract.")
        if context.depth >= DEEPEST:
            raise CannotCall(f"{operation_id}: at most {DEEPEST} calls may be within one another.")
        _check_permission(context, operation)
        checked = self._inputs_of(operation).checked(inputs)
        kind = Context if operation.permission is None else SignedInContext
        part = context.part(kind, operation.id, _caller(context, operation), context.request)
        try:
            return await self._flows[operation.id](part, **checked)
        except Problem as problem:
            if problem.commits:
                # The commit would have half of what the calling flow was to write.
                message = f"{operation_id} raised {type(problem).__name__}, which commits, and a called flow cannot."
                raise CannotCall(message) from problem
            raise

    def _inputs_of(self, operation: Operation) -> "_Inputs":
        found = self._inputs.get(operation.id)
        if found is None:
            found = self._inputs[operation.id] = _Inputs(operation)
        return found


@dataclass(frozen=True, slots=True)
class _SystemWithoutAccount(System):
    """The system in an operation for every account: it reads by its permission, and no null gets into a statement."""

    operation_id: str = ""

    @property
    def id(self) -> NoReturn:  # pyright: ignore[reportIncompatibleVariableOverride] - every use of the id is a mistake
        raise CannotCall(f"{self.operation_id} is about the account of its caller, and the system has none.")


def _caller(context: Context, operation: Operation) -> Caller:
    if not isinstance(context.caller, System):
        return context.caller
    return _SystemWithoutAccount(operation_id=operation.id) if operation.permission == "self" else SYSTEM


def _check_permission(context: Context, operation: Operation) -> None:
    if operation.permission is None:
        return
    if isinstance(context.caller, Anonymous):
        raise Unauthorized
    if not allows(context.caller.permissions, operation.permission):
        raise Forbidden


class _Inputs:
    """Checks the inputs of one operation as the edge does, and gives ids, times and defaults their one form."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._takes = operation.arguments
        parameters = [p for p in operation.parameters if p.place in {"path", "query"}]
        self._parameters = [(p, _normaliser(p), compile_validator(p.schema)) for p in parameters]
        schema = operation.body_schema
        self._body: Validate | None = None if schema is None else compile_validator(schema)
        self._normalise = None if schema is None else compile_normaliser(schema)

    def checked(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of the flow. Raises WrongInputs."""
        errors: list[FieldError] = [
            {"field": name, "message": "is not an input"} for name in sorted(inputs.keys() - self._takes)
        ]
        arguments: dict[str, Any] = {}
        for parameter, normalise, validate in self._parameters:
            name = parameter.argument
            value = inputs.get(name)
            if value is None:
                arguments[name] = parameter.default
                if parameter.required:
                    errors.append({"field": name, "message": "is required"})
                continue
            arguments[name] = normalise(value)
            errors += [{"field": name, "message": error["message"]} for error in _errors(validate, arguments[name])]
        if self._body is not None:
            arguments["body"] = self._checked_body(self._body, inputs.get("body"), errors)
        if errors:
            told = "; ".join(f"{error['field'] or 'body'} {error['message']}" for error in errors)
            raise WrongInputs(f"{self._operation.id}: {told}")
        return arguments

    def _checked_body(self, validate: Validate, body: Any, errors: list[FieldError]) -> Any:
        if body is None:
            if self._operation.body_required:
                errors.append({"field": "", "message": "is required"})
            return None
        if self._normalise is not None:
            body = self._normalise(body)
        errors += _errors(validate, body)
        return body


def _errors(validate: Validate, value: Any) -> list[FieldError]:
    try:
        return validate(value)
    except ValueError as error:
        # A UUID or a time from a row; its type is named, and not its value.
        return [{"field": "", "message": f"must be a value of JSON: {error}"}]


def _normaliser(parameter: Parameter) -> Callable[[Any], Any]:
    return _normalisers.get(parameter.schema.get("format"), lambda value: value)
