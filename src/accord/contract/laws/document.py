"""Ways through a document: its operations, and every schema with the place it stands at."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from accord.contract.operations import METHODS, is_success
from accord.contract.references import resolve

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Placed:
    """An operation where it stands; `where` starts each message about it."""

    bundle: Json
    path: str
    method: str
    definition: Json

    @property
    def where(self) -> str:
        """`PATCH /api/v1/me (updateMe)`."""
        return f"{self.method.upper()} {self.path} ({self.definition.get('operationId', 'no operationId')})"

    @property
    def parameters(self) -> list[Json]:
        """The parameters of the operation, references followed; the merge has put those of its path among them."""
        return [resolve(self.bundle, parameter) for parameter in self.definition.get("parameters", ())]

    @property
    def body(self) -> Json:
        """The request body, or nothing."""
        return resolve(self.bundle, self.definition.get("requestBody", {}))

    @property
    def body_schema(self) -> Json:
        """The schema of its JSON body, or nothing."""
        return resolve(self.bundle, self.body.get("content", {}).get("application/json", {}).get("schema", {}))

    @property
    def responses(self) -> dict[str, Json]:
        """The responses by status, references followed."""
        documented = self.definition.get("responses", {})
        return {status: resolve(self.bundle, response) for status, response in documented.items()}

    @property
    def success_schema(self) -> Json:
        """The schema of the first response of a success, or nothing."""
        response = next((r for status, r in self.responses.items() if is_success(status)), {})
        return resolve(self.bundle, response.get("content", {}).get("application/json", {}).get("schema", {}))


def operations(bundle: Json) -> Iterator[Placed]:
    """Yield every operation of the bundle."""
    for path, item in bundle.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield Placed(bundle, path, method, item[method])


def contents(operation: Placed) -> Iterator[tuple[str, str, Json]]:
    """Yield place, media type and content of the request and of each response."""
    for media_type, content in operation.body.get("content", {}).items():
        yield f"{operation.where}, request", media_type, content
    for status, response in operation.responses.items():
        for media_type, content in response.get("content", {}).items():
            yield f"{operation.where}, response {status}", media_type, content


def examples(holder: Json) -> list[Any]:
    """Return the examples of a content, a parameter or a header."""
    named = [example["value"] for example in holder.get("examples", {}).values() if "value" in example]
    return [holder["example"], *named] if "example" in holder else named


def schemas(bundle: Json) -> Iterator[tuple[str, Json]]:
    """Yield every schema of the document with its place, the inner ones too; references are not followed."""
    components = bundle.get("components", {})
    for name, schema in components.get("schemas", {}).items():
        yield from inner(f"schema {name}", schema)
    for kind in ("parameters", "headers"):
        for name, holder in components.get(kind, {}).items():
            yield from inner(f"{kind.removesuffix('s')} {name}", holder.get("schema", {}))
    for operation in operations(bundle):
        for parameter in operation.definition.get("parameters", ()):
            yield from inner(f"{operation.where}, parameter {parameter.get('name')}", parameter.get("schema", {}))
        for where, _, content in contents(operation):
            yield from inner(where, content.get("schema", {}))
    for name, task in bundle.get("x-tasks", {}).items():
        yield from inner(f"task {name}, args", task.get("args", {}))


def inner(where: str, schema: Json) -> Iterator[tuple[str, Json]]:
    """Yield a schema and those inside it; nothing for an absent one."""
    if not schema:
        return
    yield where, schema
    for name, prop in schema.get("properties", {}).items():
        yield from inner(f"{where}.{name}", prop)
    for keyword in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(keyword), dict):
            yield from inner(f"{where}.{keyword}", schema[keyword])
    for keyword in ("allOf", "anyOf", "oneOf"):
        for index, part in enumerate(schema.get(keyword, ())):
            yield from inner(f"{where}.{keyword}[{index}]", part)


def reachable(bundle: Json, where: str, schema: Json, seen: set[str]) -> Iterator[tuple[str, Json]]:
    """Yield a schema and all that it uses, references followed, each component once."""
    for place, part in inner(where, schema):
        reference = part.get("$ref")
        if reference is None:
            yield place, part
        elif reference not in seen:
            seen.add(reference)
            yield from reachable(bundle, f"schema {reference.rpartition('/')[2]}", resolve(bundle, part), seen)


def request_schemas(bundle: Json) -> Iterator[tuple[str, Json]]:
    """Yield every schema that reads a request: bodies, parameters in path and query, and the arguments of jobs."""
    seen: set[str] = set()
    for operation in operations(bundle):
        for content in operation.body.get("content", {}).values():
            yield from reachable(bundle, f"{operation.where}, request", content.get("schema", {}), seen)
        for parameter in operation.parameters:
            where = f"{operation.where}, parameter {parameter.get('name')}"
            yield from reachable(bundle, where, parameter.get("schema", {}), seen)
    for name, task in bundle.get("x-tasks", {}).items():
        yield from reachable(bundle, f"task {name}, args", task.get("args", {}), seen)


def response_schemas(bundle: Json) -> Iterator[tuple[str, Json]]:
    """Yield every schema that shapes a response."""
    seen: set[str] = set()
    for operation in operations(bundle):
        for status, response in operation.responses.items():
            for content in response.get("content", {}).values():
                where = f"{operation.where}, response {status}"
                yield from reachable(bundle, where, content.get("schema", {}), seen)
