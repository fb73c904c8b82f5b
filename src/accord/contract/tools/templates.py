"""What `accord new` writes: the operation in YAML, its flow and its test; a start that already works."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from accord.contract.names import snake_case

UUID = "01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f"
SUCCESS = {"get": 200, "post": 201, "put": 200, "patch": 200, "delete": 204}

SAMPLES = '''"""What tests of this domain work with."""

from typing import Any

from given import Account
'''

_place = re.compile(r"\{([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Plan:
    """The operation to make; `declared` and `references` are what the sources have of path parameters."""

    domain: str
    operation_id: str
    method: str
    path: str
    declared: frozenset[str] = frozenset()
    references: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def flow_name(self) -> str:
        """`updateWidget` → `update_widget`."""
        return snake_case(self.operation_id)

    @property
    def schema(self) -> str:
        """`updateWidget` → `UpdateWidget`."""
        return self.operation_id[:1].upper() + self.operation_id[1:]

    @property
    def words(self) -> str:
        """`updateWidget` → `Update widget`."""
        return self.flow_name.replace("_", " ").capitalize()

    @property
    def places(self) -> list[str]:
        """The names of the path parameters, in order."""
        return _place.findall(self.path)

    @property
    def changes(self) -> bool:
        """Whether it changes a record that exists, so that it needs the version that was read."""
        return self.method in {"put", "patch", "delete"}

    @property
    def answers_version(self) -> bool:
        """Whether its answer tells the version of a record."""
        return self.method in {"post", "put", "patch"}

    @property
    def own_path(self) -> str:
        """The path in Python, with the caller's own id in each place."""
        return f'f"{_place.sub("{me.id}", self.path)}"' if self.places else f'"{self.path}"'


def new_domain(plan: Plan) -> str:
    """Return the beginning of a domain file."""
    return f"x-tag:\n  name: {plan.domain}\n  description: Everything about {plan.domain}.\n"


def fragment(plan: Plan) -> str:
    """Return the operation and its schemas, as they stand in a domain file."""
    operation = [
        f"operationId: {plan.operation_id}",
        f"summary: {plan.words}",
        f"description: {plan.words}{', unless it changed since it was read' if plan.changes else ''}.",
        "x-permission: self",
        *([] if plan.method == "get" else ["x-unjournaled: There is no table yet; take this line out with the first."]),
        *_parameters(plan),
        *_request_body(plan),
        "responses:",
        *_indented(1, _responses(plan)),
    ]
    schemas = _schemas(plan)
    lines = ["paths:", f"  {plan.path}:", f"    {plan.method}:", *_indented(3, operation)]
    return "\n".join([*lines, *(["components:", "  schemas:", *_indented(2, schemas)] if schemas else [])]) + "\n"


def _parameters(plan: Plan) -> list[str]:
    listed = [line for name in plan.places if name not in plan.declared for line in _path_parameter(plan, name)]
    if plan.method == "delete":
        listed.append("- $ref: '#/components/parameters/ExpectedVersionQuery'")
    if plan.changes:
        listed += (f"- $ref: '#/components/parameters/{name}'" for name in ("IfMatch", "IfNoneMatchOnChange"))
    if plan.method == "post":
        listed.append("- $ref: '#/components/parameters/IdempotencyKey'")
    return ["parameters:", *_indented(1, listed)] if listed else []


def _path_parameter(plan: Plan, name: str) -> list[str]:
    if name in plan.references:
        return [f"- $ref: '{plan.references[name]}'"]
    return [
        f"- name: {name}",
        "  in: path",
        "  description: Which one it is.",
        "  required: true",
        "  schema: {$ref: '#/components/schemas/Uuid'}",
        f"  example: {UUID}",
    ]


def _request_body(plan: Plan) -> list[str]:
    if plan.method in {"get", "delete"}:
        return []
    example = "{expectedVersion: 1, text: Hello}" if plan.changes else "{text: Hello}"
    return ["requestBody:", "  required: true", *_indented(1, _content(plan.schema, example))]


def _content(schema: str, example: str) -> list[str]:
    return [
        "content:",
        "  application/json:",
        f"    schema: {{$ref: '#/components/schemas/{schema}'}}",
        f"    example: {example}",
    ]


def _responses(plan: Plan) -> list[str]:
    conflict = ["'409': {$ref: '#/components/responses/VersionConflict'}"] if plan.changes else []
    if plan.method == "delete":
        return ["'204':", "  description: Deleted.", *conflict]
    tag = ["headers:", "  ETag: {$ref: '#/components/headers/ETag'}"] if plan.answers_version else []
    example = ", ".join(f"{name}: {value}" for name, (_, value) in _fields(plan).items())
    return [
        f"'{SUCCESS[plan.method]}':",
        "  description: What came of it.",
        *_indented(1, [*tag, *_content(f"{plan.schema}Answer", f"{{{example}}}")]),
        *conflict,
    ]


def _fields(plan: Plan) -> dict[str, tuple[str, object]]:
    """Return schema and example of each field of the answer."""
    uuid = "{$ref: '#/components/schemas/Uuid'}"
    return {
        **({"id": (uuid, UUID)} if plan.method == "post" else {}),
        **dict.fromkeys(plan.places, (uuid, UUID)),
        "text": ("{type: string, maxLength: 200}", "Hello"),
        **({"version": ("{$ref: '#/components/schemas/Version'}", _version(plan))} if plan.answers_version else {}),
    }


def _version(plan: Plan) -> int:
    return 2 if plan.changes else 1


def _schemas(plan: Plan) -> list[str]:
    if plan.method == "delete":
        return []
    fields = _fields(plan)
    answer = _object(f"{plan.schema}Answer", "The answer", list(fields), {n: s for n, (s, _) in fields.items()})
    if plan.method == "get":
        return answer
    text = {"text": "{type: string, maxLength: 200, pattern: '^[^\\u0000]*$'}"}
    version = {"expectedVersion": "{$ref: '#/components/schemas/Version'}"} if plan.changes else {}
    required = [*version, *([] if plan.method == "patch" else text)]
    request = _object(plan.schema, "The request", required, version | text)
    if plan.method == "patch":
        request.insert(request.index("  properties:"), "  minProperties: 2")
    return [*request, *answer]


def _object(name: str, what: str, required: list[str], properties: Mapping[str, str]) -> list[str]:
    return [
        f"{name}:",
        f"  description: {what} of {name.removesuffix('Answer')}.",
        "  type: object",
        "  additionalProperties: false",
        f"  required: [{', '.join(required)}]",
        "  properties:",
        *(f"    {key}: {schema}" for key, schema in properties.items()),
    ]


def _indented(steps: int, lines: list[str]) -> list[str]:
    return [f"{'  ' * steps}{line}" for line in lines]


def flow(plan: Plan) -> str:
    """Return the module of the flow."""
    imports, problems = ["from accord.context import Context"], ["NotFound"] if plan.places else []
    types = [] if plan.method == "get" else [plan.schema]
    if plan.method != "delete":
        imports.append(f"from accord.contract.types import {', '.join([*types, f'{plan.schema}Answer'])}")
    if plan.changes:
        problems.append("VersionConflict")
    if problems:
        imports.append(f"from accord.problems import {', '.join(problems)}")
    return "\n".join(
        [
            f'"""{plan.method.upper()} {plan.path}."""',
            "",
            *imports,
            "",
            "",
            f"async def {plan.flow_name}({', '.join(_arguments(plan))}) -> {_returns(plan)}:",
            *_indented(2, _body(plan)),
            "",
        ]
    )


def _arguments(plan: Plan) -> list[str]:
    last = {"get": [], "delete": ["expected_version: int"]}.get(plan.method, [f"body: {plan.schema}"])
    return ["context: Context", *(f"{snake_case(name)}: str" for name in plan.places), *last]


def _returns(plan: Plan) -> str:
    return "None" if plan.method == "delete" else f"{plan.schema}Answer"


def _body(plan: Plan) -> list[str]:
    done = {"get": "read", "post": "created", "delete": "deleted"}.get(plan.method, "changed")
    trace = f'context.trace_event("{done}")'
    foreign = " or ".join(f"{snake_case(name)} != context.caller.id" for name in plan.places)
    found = [f"if {foreign}:", "    raise NotFound"] if foreign else []
    if not plan.changes:
        about = f"{plan.words}{'; until there is a table, the caller has one, by their own id' if foreign else ''}."
        return [f'"""{about}"""', *found, trace, f"return {_result(plan)}"]
    expected = "expected_version" if plan.method == "delete" else 'body["expectedVersion"]'
    about = "until there is a table, the caller has one, at version 1" if foreign else "without a table it is 1"
    return [
        f'"""{plan.words}, unless it changed; {about}."""',
        *found,
        "current = 1",
        f"if {expected} != current:",
        f"    raise VersionConflict(current, {expected})",
        trace,
        *([] if plan.method == "delete" else [f"return {_result(plan)}"]),
    ]


def _result(plan: Plan) -> str:
    text = {"get": '"Hello"', "patch": 'body.get("text", "")'}.get(plan.method, 'body["text"]')
    values = {
        **({"id": "str(context.new_id())"} if plan.method == "post" else {}),
        **{name: snake_case(name) for name in plan.places},
        "text": text,
        **({"version": "current + 1" if plan.changes else "1"} if plan.answers_version else {}),
    }
    return "{" + ", ".join(f'"{name}": {value}' for name, value in values.items()) + "}"


def test(plan: Plan) -> str:
    """Return the module of the test."""
    call = f"response = await me.{plan.method}({plan.own_path}"
    works = {
        "get": ("test_answers", f"{call})", ['response.json()["text"] == "Hello"']),
        "post": ("test_creates", f'{call}, text="Hello")', ['response.json()["version"] == 1']),
        "delete": ("test_deletes", f"{call}, expectedVersion=1)", []),
    }.get(
        plan.method,
        (
            "test_saves_and_raises_the_version",
            f'{call}, expectedVersion=1, text="Hello")',
            ['(response.json()["text"], response.json()["version"]) == ("Hello", 2)'],
        ),
    )
    text = "" if plan.method == "delete" else ', text="Hello"'
    stale = f"{call}, expectedVersion=2{text})"
    conflict = ("test_refuses_a_stale_version", stale, ['response.json()["currentVersion"] == 1'])
    cases = [_case(*works, SUCCESS[plan.method]), *([_case(*conflict, 409)] if plan.changes else [])]
    if plan.places:
        call = f"{call.replace('me.id', 'you.id')}{works[1].removeprefix(call)}"
        cases.append(
            _case(
                "test_finds_nothing_of_others",
                call,
                [],
                404,
                people="me, you = [await given.an_account() for _ in range(2)]",
            )
        )
    return "\n\n".join(cases)


def sample(name: str) -> str:
    """Return the function that gives tests a record for a path parameter."""
    return f'''

async def {name}(owner: Account, /) -> dict[str, Any]:
    """Return the only one that the owner has until there is a table: what has their own id."""
    return owner.user
'''


def _case(name: str, call: str, facts: list[str], status: int, *, people: str = "me = await given.an_account()") -> str:
    lines = [people, "", call, "", f"assert response.status_code == {status}"]
    lines += [f"assert {fact}" for fact in facts]
    return "\n".join([f"async def {name}(given):", *(f"    {line}".rstrip() for line in lines), ""])
