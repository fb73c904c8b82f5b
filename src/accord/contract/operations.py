"""The operations of the contract, read once: the name, the inputs and the response of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Any, Literal

from accord.contract.names import snake_case
from accord.contract.references import resolve

METHODS = ("get", "post", "put", "patch", "delete")
"""The methods that operations can have, in the order of the bundle."""
Access = Literal["public", "optional", "signed-in"]
ACCEPTED = 202
"""The status of a request whose operation a job runs; every other 2xx is the success of the operation itself."""
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A path, query or header parameter; `argument` is its name in the flow."""

    name: str
    place: str
    required: bool
    schema: Json
    default: Any = None

    @property
    def argument(self) -> str:
        """The keyword the flow receives it under; one that Python keeps for itself gets a `_` behind it."""
        name = snake_case(self.name)
        return f"{name}_" if iskeyword(name) else name


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `permission` is None unless `access` is signed-in."""

    id: str
    domain: str
    method: str
    path: str
    access: Access
    permission: str | None
    parameters: tuple[Parameter, ...]
    body_schema: Json | None
    body_required: bool
    success_status: int
    success_schema: Json | None
    rate_limit: str | None
    definition: Json = field(repr=False, compare=False, hash=False)

    @property
    def flow_name(self) -> str:
        """The module and the function that carry the operation: `updateMe` → `update_me`."""
        return snake_case(self.id)

    @property
    def key_field(self) -> str | None:
        """The field of the body that is its key, where the contract names one in `x-idempotent-by`."""
        return self.definition.get("x-idempotent-by")

    @property
    def repeatable(self) -> bool:
        """Whether running it twice is as good as once: it reads, or the contract says so in `x-repeatable`."""
        return self.method == "GET" or "x-repeatable" in self.definition

    @property
    def max_waiting(self) -> int | None:
        """How many jobs of the operation may wait for a slot; None when no job can run the operation (`x-async`)."""
        known = self.definition.get("x-async")
        return None if known is None else known["maxWaiting"]

    @property
    def subject(self) -> str:
        """The NATS subject a worker listens on."""
        return f"api.v1.{self.domain}.{self.id}"

    @property
    def arguments(self) -> set[str]:
        """The keyword arguments that the flow is called with."""
        names = {p.argument for p in self.parameters if p.place in {"path", "query"}}
        return names | ({"body"} if self.body_schema is not None else set())


def operations(bundle: Mapping[str, Any]) -> Iterator[Operation]:
    """Yield every operation of the bundle."""
    for path, item in bundle["paths"].items():
        for method in METHODS:
            if method in item:
                yield _operation(bundle, path, method, item)


def asynchronous(bundle: Mapping[str, Any]) -> Iterator[Operation]:
    """Yield the operations that a job can run: those with `x-async`."""
    for path, item in bundle.get("paths", {}).items():
        for method in METHODS:
            if "x-async" in item.get(method, ()):
                yield _operation(bundle, path, method, item)


def is_success(status: str) -> bool:
    """Return whether a response of this status has what the operation returns."""
    return status.startswith("2") and status != str(ACCEPTED)


def _operation(bundle: Mapping[str, Any], path: str, method: str, item: Json) -> Operation:
    definition: Json = item[method]
    parameters = [resolve(bundle, p) for p in (*item.get("parameters", ()), *definition.get("parameters", ()))]
    body = resolve(bundle, definition.get("requestBody", {}))
    status = next(int(code) for code in definition["responses"] if is_success(code))
    access = _access(bundle, definition)
    return Operation(
        id=definition["operationId"],
        domain=definition["x-domain"],
        method=method.upper(),
        path=path,
        access=access,
        permission=definition.get("x-permission") if access == "signed-in" else None,
        parameters=tuple(_parameter(bundle, p) for p in parameters),
        body_schema=_json_schema(body),
        body_required=body.get("required", False),
        success_status=status,
        success_schema=_json_schema(resolve(bundle, definition["responses"][str(status)])),
        rate_limit=definition.get("x-rate-limit"),
        definition=definition,
    )


def _access(bundle: Mapping[str, Any], definition: Json) -> Access:
    security = definition.get("security", bundle.get("security", []))
    if not security:
        return "public"
    return "optional" if {} in security else "signed-in"


def _parameter(bundle: Mapping[str, Any], parameter: Json) -> Parameter:
    schema = resolve(bundle, parameter["schema"])
    return Parameter(
        parameter["name"], parameter["in"], parameter.get("required", False), schema, schema.get("default")
    )


def _json_schema(message: Json) -> Json | None:
    return message.get("content", {}).get("application/json", {}).get("schema")
