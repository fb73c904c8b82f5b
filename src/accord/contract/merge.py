"""Merge the authored files into one OpenAPI document and complete it.

Authors write what is particular to an operation. The merge adds what follows from it: the tag, the
domain, the security requirement and every answer that the edge can give for such a request.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from accord.contract.sources import COMPONENT_KINDS, METHODS, ContractInvalid, Document, Source, read

ALWAYS = {
    "400": "BadRequest",
    "405": "MethodNotAllowed",
    "406": "NotAcceptable",
    "429": "TooManyRequests",
    "500": "InternalError",
    "503": "ServiceUnavailable",
    "504": "Timeout",
}
WITH_BODY = {"413": "PayloadTooLarge", "415": "UnsupportedMediaType"}
BEARER: list[dict[str, list[str]]] = [{"bearerAuth": []}]


def merge(folder: Path) -> Document:
    """The complete document. Raises ContractInvalid with every problem at once."""
    sources = read(folder)
    problems = [
        *_duplicate_operations(sources),
        *_duplicate_operation_ids(sources),
        *_duplicate_components(sources),
    ]
    if problems:
        raise ContractInvalid(problems)
    bundle = _join(sources)
    if problems := list(_dangling(sources, bundle)):
        raise ContractInvalid(problems)
    return bundle


def render(bundle: Document) -> str:
    """The text of bundle.json, the same for the same sources on every machine."""
    return json.dumps(bundle, indent=2, ensure_ascii=False) + "\n"


def operations(source: Source) -> Iterator[tuple[str, str, Document]]:
    """Path, method and operation of one file, as authored."""
    for path, item in source.document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _twice(what: str, places: Iterator[tuple[str, str]]) -> Iterator[str]:
    """A sentence for each name that two places give."""
    first: dict[str, str] = {}
    for name, place in places:
        if name in first:
            yield f"{what} {name} is in {first[name]} and in {place}; rename or remove one."
        first.setdefault(name, place)


def _duplicate_operations(sources: list[Source]) -> Iterator[str]:
    return _twice(
        "The operation", ((f"{method.upper()} {path}", s.name) for s in sources for path, method, _ in operations(s))
    )


def _duplicate_operation_ids(sources: list[Source]) -> Iterator[str]:
    return _twice(
        "The operationId",
        (
            (operation.get("operationId", ""), f"{s.name} ({method.upper()} {path})")
            for s in sources
            for path, method, operation in operations(s)
        ),
    )


def _duplicate_components(sources: list[Source]) -> Iterator[str]:
    for kind in COMPONENT_KINDS:
        yield from _twice(
            f"The name in components.{kind}",
            ((name, s.name) for s in sources for name in s.document.get("components", {}).get(kind, {})),
        )


def _join(sources: list[Source]) -> Document:
    """One document in authored order: the shared file, then the domains by name."""
    root = next(s.document for s in sources if s.domain is None)
    bundle: Document = {key: root[key] for key in ("openapi", "info", "servers", "externalDocs") if key in root}
    bundle["tags"] = [{"name": s.domain, **s.document.get("x-tag", {})} for s in sources if s.domain]
    bundle["paths"] = {}
    bundle["components"] = {
        kind: joined
        for kind in COMPONENT_KINDS
        if (joined := {k: v for s in sources for k, v in s.document.get("components", {}).get(kind, {}).items()})
    }
    for source in sources:
        for path, item in source.document.get("paths", {}).items():
            merged = bundle["paths"].setdefault(path, {})
            shared = item.get("parameters", [])
            merged.update({k: v for k, v in item.items() if k not in METHODS})
            for method in METHODS:
                if method in item:
                    merged[method] = _complete(bundle, path, shared, item[method], source.domain or "")
    return bundle


def _complete(bundle: Document, path: str, shared: list[Any], operation: Document, domain: str) -> Document:
    """The operation with its tag, its domain, its security and all its answers."""
    completed: Document = {"tags": [domain], "x-domain": domain, **operation}
    if "x-permission" in operation:
        completed.setdefault("security", BEARER)
    parameters = [_resolve(bundle, p) for p in [*shared, *operation.get("parameters", [])]]
    headers = {p.get("name") for p in parameters if p.get("in") == "header"}
    added = {status: _response(name) for status, name in _implied(path, operation, headers).items()}
    answers = {**added, **operation.get("responses", {})}
    completed["responses"] = {status: answers[status] for status in sorted(answers)}
    return completed


def _implied(path: str, operation: Document, headers: set[Any]) -> dict[str, str]:
    """The shared answer for each status that follows from the shape of the operation."""
    permission = operation.get("x-permission")
    return {
        **ALWAYS,
        **(WITH_BODY if "requestBody" in operation else {}),
        **({"401": "Unauthorized"} if permission else {}),
        **({"403": "Forbidden"} if permission not in (None, "self") else {}),
        **({"404": "NotFound"} if "{" in path else {}),
        **({"304": "NotModified"} if "If-None-Match" in headers else {}),
        **({"412": "PreconditionFailed"} if "If-Match" in headers else {}),
    }


def _response(name: str) -> Document:
    return {"$ref": f"#/components/responses/{name}"}


def _resolve(bundle: Document, node: Document) -> Document:
    """What a local reference points at, or the node itself."""
    target: Any = node
    while isinstance(target, dict) and "$ref" in target:
        found: Any = bundle
        for step in target["$ref"].removeprefix("#/").split("/"):
            found = found.get(step, {}) if isinstance(found, dict) else {}
        target = found
    return target if isinstance(target, dict) else {}


def _references(node: Any) -> Iterator[str]:
    """Every `$ref` in a part of a document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _dangling(sources: list[Source], bundle: Document) -> Iterator[str]:
    """References to what no file has."""
    for source in sources:
        for reference in dict.fromkeys(_references(source.document)):
            if not reference.startswith("#/components/") or not _resolve(bundle, {"$ref": reference}):
                yield f"{source.name}: {reference} points at nothing; write it under components of some file."
