"""Merge the authored files into one OpenAPI document and complete it.

Authors write what is particular to an operation. The merge adds what follows from its shape: the tag, the
domain, the security requirement, and every response that the edge can give to such a request.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from accord.contract.implied_responses import ASYNCHRONOUS_PARAMETERS, implied_responses
from accord.contract.references import references, resolve
from accord.contract.tools import events, extensions
from accord.contract.tools.sources import COMPONENT_KINDS, ContractInvalid, Document, Source, read

SHARED_KINDS = ("parameters", "headers", "schemas", "responses")


def merge(folder: Path) -> Document:
    """Return the complete document. Raises ContractInvalid with every problem at once."""
    sources = read(folder)
    wrong_extensions = (problem for s in sources for problem in extensions.problems(s.name, s.document))
    if problems := [*_duplicates(sources), *_dangling(sources), *wrong_extensions] or list(events.problems(sources)):
        raise ContractInvalid(problems)
    return _join(sources)


def render(document: Document) -> str:
    """Return the text of a generated JSON file, the same for the same sources on every machine."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _duplicates(sources: list[Source]) -> Iterator[str]:
    placed = [(s.name, path, method, o) for s in sources for path, method, o in s.operations()]
    yield from _twice("the operation", ((f"{m.upper()} {path}", name) for name, path, m, _ in placed))
    yield from _twice(
        "the operationId",
        ((o.get("operationId", "(none)"), f"{name} ({m.upper()} {path})") for name, path, m, o in placed),
    )
    yield from _twice("the task", ((name, s.name) for s in sources for name in s.tasks))
    yield from _twice("the event", ((kind, s.name) for s in sources for kind in s.events))
    for kind in COMPONENT_KINDS:
        names = ((name, s.name) for s in sources for name in s.components(kind))
        yield from _twice(f"the name in components.{kind}", names)


def _twice(what: str, places: Iterable[tuple[str, str]]) -> Iterator[str]:
    first: dict[str, str] = {}
    for name, place in places:
        if name in first:
            yield f"{first[name]} and {place} both have {what} {name}; rename or remove one."
        first.setdefault(name, place)


def _dangling(sources: list[Source]) -> Iterator[str]:
    known = {f"#/components/{kind}/{n}" for s in sources for kind in COMPONENT_KINDS for n in s.components(kind)}
    for source in sources:
        for reference in dict.fromkeys(references(source.document)):
            if reference not in known:
                yield f"{source.name}: {reference} points at nothing; write it below components of some file."


def _join(sources: list[Source]) -> Document:
    """Return one document in authored order: the shared file, then the domains by name."""
    root = next(s.document for s in sources if s.domain is None)
    components = {kind: {n: v for s in sources for n, v in s.components(kind).items()} for kind in COMPONENT_KINDS}
    bundle = {key: root[key] for key in ("openapi", "info", "servers", "externalDocs") if key in root}
    bundle["tags"] = [{"name": s.domain, **s.document.get("x-tag", {})} for s in sources if s.domain]
    bundle["paths"] = _paths(sources, components)
    if tasks := {n: {"x-domain": s.domain, **t} for s in sources for n, t in s.tasks.items()}:
        bundle["x-tasks"] = tasks
    if found := events.completed(sources):
        bundle["x-events"] = found
        components["schemas"] |= events.schemas(sources)
    _drop_unused(components, [bundle["paths"], tasks, found], root)
    bundle["components"] = {kind: section for kind, section in components.items() if section}
    return bundle


def _paths(sources: list[Source], components: Document) -> Document:
    """Return all paths; the parameters of a path go into its operations, so that two files may share one."""
    paths: Document = {}
    for source in sources:
        for path, method, operation in source.operations():
            parameters = [
                *source.document["paths"][path].get("parameters", ()),
                *operation.get("parameters", ()),
            ]
            headers = _header_names(components, parameters)
            if "x-async" in operation:
                added = ASYNCHRONOUS_PARAMETERS.keys() - headers
                parameters += [{"$ref": f"#/components/parameters/{ASYNCHRONOUS_PARAMETERS[n]}"} for n in sorted(added)]
                headers |= added
            completed = _complete(method, path, operation, source.domain, headers)
            paths.setdefault(path, {})[method] = completed | ({"parameters": parameters} if parameters else {})
    return paths


def _complete(method: str, path: str, operation: Document, domain: str | None, headers: set[str]) -> Document:
    """Return the operation with its tag, its domain, its security and all responses."""
    completed: Document = {"tags": [domain], "x-domain": domain, **operation}
    if "x-permission" in operation:
        completed.setdefault("security", [{"bearerAuth": []}])
    implied = implied_responses(method, path, operation, headers)
    responses = {s: {"$ref": f"#/components/responses/{name}"} for s, name in implied.items()}
    responses |= operation.get("responses", {})
    completed["responses"] = {status: responses[status] for status in sorted(responses)}
    return completed


def _header_names(components: Document, parameters: list[Document]) -> set[str]:
    resolved = (resolve({"components": components}, parameter) for parameter in parameters)
    return {p.get("name", "") for p in resolved if p.get("in") == "header"}


def _drop_unused(components: Document, users: list[Document], root: Document) -> None:
    """Leave out what the shared file offers and nothing else uses yet."""
    used: set[str] = set()
    waiting = list(references(users))
    while waiting:
        reference = waiting.pop()
        if reference not in used:
            used.add(reference)
            kind, name = reference.split("/")[2:]
            waiting += references(components[kind][name])
    for kind in SHARED_KINDS:
        for name in root.get("components", {}).get(kind, {}):
            if f"#/components/{kind}/{name}" not in used:
                del components[kind][name]
