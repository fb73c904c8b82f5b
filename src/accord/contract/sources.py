"""Read the authored YAML files, refusing what YAML would silently accept."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT_KEYS = frozenset({"openapi", "info", "servers", "components", "externalDocs"})
DOMAIN_KEYS = frozenset({"x-tag", "paths", "components"})
COMPONENT_KINDS = ("securitySchemes", "parameters", "headers", "schemas", "responses", "examples", "requestBodies", "links")
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

Document = dict[str, Any]


class ContractInvalid(Exception):
    """The sources do not make a contract; `problems` has every reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Source:
    """One authored file: its name for messages, its domain (None for the shared file), what it says."""

    name: str
    domain: str | None
    document: Document


class _StrictLoader(yaml.SafeLoader):
    """YAML 1.2 scalars only, and no key twice: `on`, `yes`, `1:30` and dates stay text."""


_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

_SCALARS = {
    "tag:yaml.org,2002:bool": (r"^(?:true|false)$", "tf"),
    "tag:yaml.org,2002:int": (r"^-?(?:0|[1-9][0-9]*)$", "-0123456789"),
    "tag:yaml.org,2002:float": (r"^-?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?$", "-0123456789"),
}
for _tag, (_pattern, _first) in _SCALARS.items():
    _StrictLoader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> Document:
    """A mapping with text keys (`200:` is the text "200"); the same key twice is an error."""
    seen: set[str] = set()
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        if key_node.value in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key_node.value!r} is there twice; remove one", key_node.start_mark
            )
        seen.add(key_node.value)
    loader.flatten_mapping(node)
    return {key.value: loader.construct_object(value, deep=True) for key, value in node.value}


_StrictLoader.add_constructor("tag:yaml.org,2002:map", _mapping)


def parse(text: str, name: str) -> Document:
    """The document in a YAML text; `name` is for the message when there is none."""
    try:
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a subclass of SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name} line {mark.line + 1}" if mark else name
        raise ContractInvalid([f"{where}: {getattr(error, 'problem', error)}."]) from error
    if not isinstance(document, dict):
        raise ContractInvalid([f"{name}: is empty; start from another file in openapi/domains."])
    return document


def read(folder: Path) -> list[Source]:
    """The shared file, then each domain by name. Raises ContractInvalid with what is wrong in all of them."""
    problems: list[str] = []
    sources: list[Source] = []
    for file in (folder / "openapi.yaml", *sorted((folder / "domains").glob("*.yaml"))):
        name = file.relative_to(folder).as_posix()
        domain = None if file.parent == folder else file.stem
        try:
            source = Source(name, domain, parse(file.read_text(encoding="utf-8"), name))
        except ContractInvalid as error:
            problems += error.problems
            continue
        problems += _misplaced(source)
        sources.append(source)
    if problems:
        raise ContractInvalid(problems)
    return sources


def _misplaced(source: Source) -> Iterator[str]:
    """Keys and sections that this kind of file does not have."""
    allowed = ROOT_KEYS if source.domain is None else DOMAIN_KEYS
    for key in source.document.keys() - allowed:
        yield f"{source.name}: the top-level key {key!r} is not one of {', '.join(sorted(allowed))}; move or remove it."
    for kind in source.document.get("components", {}).keys() - set(COMPONENT_KINDS):
        yield f"{source.name}: components has no section {kind!r}; it has {', '.join(COMPONENT_KINDS)}."
    for path, item in source.document.get("paths", {}).items():
        for key in item.keys() - {*METHODS, "parameters", "summary", "description"}:
            yield f"{source.name}: {path} has the key {key!r}, which is no method; remove it."
