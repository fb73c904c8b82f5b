"""Pages of docs/ that are generated from the contract."""

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

import yaml

from accord.contract.operations import Operation, operations
from accord.contract.roles import PERMISSIONS, ROLES
from accord.contract.tools.tables import table

_FOR_EVERYBODY = "self"
_INCLUDES_ALL = "admin:all"

_PERMISSIONS = """# Permissions

This file is generated: `nox -s generate`.

An operation names the permission that it needs in `x-permission`. A caller has the permissions of one role. `self`
needs no role: every signed-in caller has it, and the flow decides which records that caller reaches. `admin:all` passes
every check. Without the permission the response is 403 `FORBIDDEN`; a record that the caller may not read is 404.

Roles and permissions are declared in `src/accord/contract/roles.py`. Only root can give an account another role than
`customer`. `setup` and `accord db seed` make root accounts.

## Roles

{roles}
## Operations and flows

The contract asks for most permissions. Where only data can decide, the flow asks, with `context.caller.may(…)`.

{uses}
Open to callers who are not signed in: {public}.

Open to all, with a response that depends on the caller: {optional}.
"""

_EXTENSIONS = """# Extensions of the contract

This file is generated: `nox -s generate`.

{about}

`openapi/extensions.schema.json` is the JSON Schema that this page is made from.
"""
_MAX_USERS = 6


def extensions(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return docs/extensions.md: each `x-` member with its place, its values, an example and its users."""
    places = [place for place in schema["$defs"].values() if any(map(_is_extension, place.get("properties", {})))]
    return _EXTENSIONS.format(about=_filled(schema["description"])) + "".join(
        f"\n## {place['title']}\n"
        + "".join(
            _extension(name, definition, _users(document, name))
            for name, definition in place["properties"].items()
            if _is_extension(name)
        )
        for place in places
    )


def _is_extension(name: str) -> bool:
    return name.startswith("x-")


def _extension(name: str, definition: Mapping[str, Any], users: list[str]) -> str:
    described = definition.get("additionalProperties") or definition
    members = described.get("properties", {})
    required = described.get("required", ())
    rows = (
        [f"`{member}`", "yes" if member in required else "", what.get("description", "")]
        for member, what in members.items()
    )
    listed = "\n" + table(["member", "required", "meaning"], rows) if members else ""
    example = yaml.safe_dump({name: definition["examples"][0]}, sort_keys=False, allow_unicode=True, width=110)
    more = len(users) - _MAX_USERS
    named = ", ".join(f"`{user}`" for user in users[:_MAX_USERS]) + (f" and {more} more" if more > 0 else "")
    used = f"\nUsed by {named}.\n" if users else ""
    return f"\n### {name}\n\n{_filled(definition['description'])}\n{listed}\n```yaml\n{example}```\n{used}"


def _users(document: Mapping[str, Any], name: str) -> list[str]:
    """Return the operations and the schemas that have the extension, or what the bundle has below it."""
    found = [operation.id for operation in operations(document) if name in operation.definition]
    found += document.get(name, {})
    schemas = document["components"]["schemas"].items()
    return found + [key for key, schema in schemas if f'"{name}":' in json.dumps(schema)]


def _filled(text: str) -> str:
    return fill(text, 120, break_long_words=False, break_on_hyphens=False)


def permissions(document: Mapping[str, Any], flows: Path) -> str:
    """Return docs/permissions.md: what each role may do, and what asks for each permission."""
    names = [_FOR_EVERYBODY, *sorted(PERMISSIONS - {_FOR_EVERYBODY})]
    found = list(operations(document))
    asked = _asked_by_flows(flows)
    roles = ([f"`{name}`", *("yes" if _has(role, name) else "" for role in ROLES)] for name in names)
    uses = (
        [f"`{name}`", _ids(one for one in found if one.permission == name), ", ".join(asked.get(name, []))]
        for name in names
    )
    return _PERMISSIONS.format(
        roles=table(["permission", *(f"`{role}`" for role in ROLES)], roles),
        uses=table(["permission", "operations that need it", "flows that ask for it"], uses),
        public=_ids(one for one in found if one.access == "public"),
        optional=_ids(one for one in found if one.access == "optional"),
    )


def _has(role: str, permission: str) -> bool:
    return permission == _FOR_EVERYBODY or not ROLES[role].isdisjoint({permission, _INCLUDES_ALL})


def _ids(found: Iterable[Operation]) -> str:
    return ", ".join(f"`{operation.id}`" for operation in found) or "none"


def _asked_by_flows(flows: Path) -> dict[str, list[str]]:
    """Return for each permission the files of flows that name it: to ask for it, or to have it asked for."""
    asked: dict[str, list[str]] = {}
    for file in sorted(flows.glob("*/*.py")):
        for permission in dict.fromkeys(_asked_in(ast.parse(file.read_text("utf-8")))):
            asked.setdefault(permission, []).append(f"`{file.parent.name}/{file.name}`")
    return asked


def _asked_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in PERMISSIONS - {_FOR_EVERYBODY}:
            yield str(node.value)
