"""`accord new`: what the files of a new operation have in the places of their templates."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from accord.contract.names import snake_case
from accord.contract.tools.rendering import rendered

TEMPLATES = Path(__file__).parent / "operation_templates"
UUID = "01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f"

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
    def response_schema(self) -> str:
        """`updateWidget` → `UpdateWidgetResponse`."""
        return f"{self.schema}Response"

    @property
    def places(self) -> list[str]:
        """The names of the path parameters, in order."""
        return _place.findall(self.path)


def new_domain(domain: str) -> str:
    """Return the beginning of a domain file."""
    return rendered(TEMPLATES / "domain.yaml.tmpl", {"domain": domain})


def fragment(plan: Plan) -> str:
    """Return the operation and its schemas, as they stand in a domain file."""
    return rendered(TEMPLATES / f"{plan.method}.yaml.tmpl", _values(plan) | _contract_values(plan))


def flow(plan: Plan) -> str:
    """Return the module of the flow."""
    return rendered(TEMPLATES / f"{plan.method}.py.tmpl", _values(plan) | _flow_values(plan))


def test(plan: Plan) -> str:
    """Return the module of the test; an operation on a record is also tested with the record of another account."""
    own = f'f"{_place.sub("{me.id}", plan.path)}"' if plan.places else f'"{plan.path}"'
    values = {"own_path": own, "others_path": own.replace("me.id", "you.id")}
    names = [f"test_{plan.method}", *([f"test_{plan.method}_of_another"] if plan.places else [])]
    return "".join(rendered(TEMPLATES / f"{name}.py.tmpl", values) for name in names)


def samples() -> str:
    """Return the beginning of the module of samples."""
    return rendered(TEMPLATES / "samples.py.tmpl", {})


def sample(name: str) -> str:
    """Return the function that gives tests a record for a path parameter."""
    return rendered(TEMPLATES / "sample.py.tmpl", {"sample": name})


def _values(plan: Plan) -> dict[str, str | list[str]]:
    return {
        "operationId": plan.operation_id,
        "Name": plan.schema,
        "flow": plan.flow_name,
        "path": plan.path,
        "METHOD": plan.method.upper(),
        "words": plan.flow_name.replace("_", " ").capitalize(),
    }


def _contract_values(plan: Plan) -> dict[str, str | list[str]]:
    parameters = [line for name in plan.places if name not in plan.declared for line in _path_parameter(plan, name)]
    return {
        "path_parameters": parameters,
        "parameters": ["parameters:", *(f"  {line}" for line in parameters)] if parameters else [],
        "places_required": "".join(f"{name}, " for name in plan.places),
        "places_example": "".join(f"{name}: {UUID}, " for name in plan.places),
        "place_properties": [f"{name}: {{$ref: '#/components/schemas/Uuid'}}" for name in plan.places],
    }


def _path_parameter(plan: Plan, name: str) -> list[str]:
    if name in plan.references:
        return [f"- $ref: '{plan.references[name]}'"]
    return [
        f"- name: {name}",
        "  in: path",
        "  description: The id of the record.",
        "  required: true",
        "  schema: {$ref: '#/components/schemas/Uuid'}",
        f"  example: {UUID}",
    ]


def _flow_values(plan: Plan) -> dict[str, str | list[str]]:
    arguments = [snake_case(name) for name in plan.places]
    of_another = " or ".join(f"{argument} != context.caller.id" for argument in arguments)
    owned = "until a table exists, the caller has one record, with the id of the caller"
    return {
        "arguments": "".join(f", {argument}: str" for argument in arguments),
        "place_items": "".join(f'"{name}": {snake_case(name)}, ' for name in plan.places),
        "not_found": [f"if {of_another}:", "    raise NotFound"] if arguments else [],
        "import_not_found": ["from accord.problems import NotFound"] if arguments else [],
        "not_found_name": "NotFound, " if arguments else "",
        "until_a_table": f"; {owned}" if arguments else "",
        "the_only_one": "the only record has the caller's id and version 1" if arguments else "the version is always 1",
    }
