"""Read the authored YAML files, refusing what YAML would silently accept."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from accord.contract.operations import METHODS

ROOT_KEYS = frozenset({"openapi", "info", "servers", "components", "externalDocs"})
DOMAIN_KEYS = frozenset({"x-tag", "x-tasks", "x-events", "paths", "components"})
COMPONENT_KINDS = (
    "securitySchemes",
    "parameters",
    "headers",
    "schemas",
    "responses",
    "examples",
    "requestBodies",
    "links",
)
PATH_KEYS = frozenset({*METHODS, "parameters"})

Document = dict[str, Any]


class ContractInvalid(Exception):
    """The sources do not make a contract; `problems` has every reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Source:
    """One authored file: its name for messages, its domain (None for the shared file), what it says."""

    name: str
    domain: str | None
    document: Document

    def components(self, kind: str) -> Document:
        """One section of the file's components."""
        return self.document.get("components", {}).get(kind, {})

    @property
    def tasks(self) -> Document:
        """The tasks of the file by name."""
        return self.document.get("x-tasks", {})

    @property
    def events(self) -> Document:
        """The events of the file by type."""
        return self.document.get("x-events", {})

    def operations(self) -> Iterator[tuple[str, str, Document]]:
        """Path, method and operation, as authored."""
        for path, item in self.document.get("paths", {}).items():
            for method in METHODS:
                if method in item:
                    yield path, method, item[method]


class _StrictLoader(yaml.SafeLoader):
    """Scalars as in JSON and text keys only, none twice: `on`, `yes`, `1:30` and dates stay text."""


_TAG = "tag:yaml.org,2002:"
_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in (f"{_TAG}null", f"{_TAG}merge")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StrictLoader.add_implicit_resolver(f"{_TAG}bool", re.compile(r"^(?:true|false)$"), list("tf"))
_StrictLoader.add_implicit_resolver(f"{_TAG}int", re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789"))
_StrictLoader.add_implicit_resolver(
    f"{_TAG}float", re.compile(r"^-?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?$"), list("-0123456789")
)


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> Document:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="a key is a word, no list or mapping", problem_mark=key.start_mark)
        if key.value in seen:
            raise yaml.MarkedYAMLError(
                problem=f"the key {key.value!r} is there twice; remove one", problem_mark=key.start_mark
            )
        if key.tag != f"{_TAG}merge":
            seen.add(key.value)
    loader.flatten_mapping(node)
    return {key.value: loader.construct_object(value, deep=True) for key, value in node.value}


_StrictLoader.add_constructor(f"{_TAG}map", _mapping)


def parse(text: str, name: str) -> Document:
    """The document in a YAML text; `name` is what messages call it."""
    try:
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - the loader is a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ContractInvalid([f"{name} line {line}: {error.problem}."]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ContractInvalid([f"{name} line {line}: a character that YAML does not have: {error.reason}."]) from error
    except RecursionError as error:
        raise ContractInvalid([f"{name}: is nested too deeply."]) from error
    if not isinstance(document, dict):
        raise ContractInvalid([f"{name}: holds no mapping; start from a copy of another domain file."])
    return document


def _text(file: Path, name: str) -> str:
    raw = file.read_bytes()
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ContractInvalid([f"{name} line {line}: is not UTF-8."]) from error


def read(folder: Path) -> list[Source]:
    """The shared file, then each domain by name. Raises ContractInvalid with what is wrong in all of them."""
    problems: list[str] = []
    sources: list[Source] = []
    for file in (folder / "openapi.yaml", *sorted((folder / "domains").glob("*.yaml"))):
        name = file.relative_to(folder).as_posix()
        try:
            document = parse(_text(file, name), name)
        except ContractInvalid as error:
            problems += error.problems
            continue
        source = Source(name, file.stem if file.parent.name == "domains" else None, document)
        misplaced = list(_misplaced(source))
        problems += misplaced
        if not misplaced:
            sources.append(source)
    if problems:
        raise ContractInvalid(problems)
    return sources


def _misplaced(source: Source) -> Iterator[str]:
    """Say which keys and sections this kind of file does not have."""
    allowed = ROOT_KEYS if source.domain is None else DOMAIN_KEYS
    for key in sorted(source.document.keys() - allowed):
        known = ", ".join(sorted(allowed))
        yield f"{source.name}: the top-level key {key!r} is not one of {known}; rename or remove it."
    yield from _not_mappings(source)


def _not_mappings(source: Source) -> Iterator[str]:
    paths = source.document.get("paths", {})
    components = source.document.get("components", {})
    sections = {"paths": paths, "components": components, "x-tasks": source.tasks, "x-events": source.events}
    for name, section in sections.items():
        if not isinstance(section, dict):
            yield f"{source.name}: {name} is empty; write something below it, or remove it."
            return
    for kind, section in components.items():
        if kind not in COMPONENT_KINDS:
            yield f"{source.name}: components has no section {kind!r}; it has {', '.join(COMPONENT_KINDS)}."
        elif not isinstance(section, dict):
            yield f"{source.name}: components.{kind} is empty; write something below it, or remove it."
    for path, item in paths.items():
        yield from _misplaced_in_path(source.name, path, item)


def _misplaced_in_path(name: str, path: str, item: object) -> Iterator[str]:
    if not isinstance(item, dict):
        yield f"{name}: {path} is empty; write a method below it, or remove it."
        return
    for key in sorted(item.keys() - PATH_KEYS):
        yield f"{name}: {path} has {key!r}, which is none of {', '.join(METHODS)}; remove it."
    for method in METHODS:
        if not isinstance(item.get(method, {}), dict):
            yield f"{name}: {method.upper()} {path} is empty; write an operation below it, or remove it."
