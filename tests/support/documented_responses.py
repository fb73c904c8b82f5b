"""Which of the responses that the contract documents some test has seen: an untested description may be false.

The checked client notes every response. After a whole run of the tests, what an author of a domain documented and no
test produced fails the run, unless it is listed here with its reason. What the merge adds to every operation has tests
of its own.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from accord.contract import bundle
from accord.contract.implied_responses import implied_responses
from accord.contract.operations import operations
from accord.contract.references import resolve

Seen = tuple[str, str, str]
"""operationId, status, and code; the code is empty for a success."""
SEEN: set[Seen] = set()
NOT_PRODUCED: dict[Seen, str] = {
    (
        "streamChanges",
        "200",
        "",
    ): "a stream has no end for the checked client to wait for; test_stream_changes.py reads it",
}

BY_CHANCE: dict[Seen, str] = {
    ("applyTransaction", "409", "IDEMPOTENCY_IN_PROGRESS"): "it takes a race, which a run may have or not",
}

REASONS = {*NOT_PRODUCED, *BY_CHANCE}


def documented() -> set[Seen]:
    """Return what the authors of domains wrote of answers, errors by the codes of their examples."""
    document = bundle.load()
    return {
        (operation.id, status, code)
        for operation in operations(document)
        for status, response in operation.definition["responses"].items()
        if not _is_implied(operation, status, response)
        for code in (_codes(resolve(document, response)) if status[0] in "45" else [""])
    }


def codes_of(operation_id: str, status: str) -> set[str] | None:
    """Return the codes that a response may have: those that an author wrote, and those of the status by itself.

    None where the merge alone wrote the response.
    """
    written = _codes_by_response().get((operation_id, status))
    return None if written is None else written | _codes_by_themselves().get(status, set())


@cache
def _codes_by_response() -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for operation_id, status, code in documented():
        found.setdefault((operation_id, status), set()).add(code)
    return found


@cache
def _codes_by_themselves() -> dict[str, set[str]]:
    """Return the codes of what any operation may answer, by status; an operation's own answer takes their place."""
    document = bundle.load()
    found: dict[str, set[str]] = {}
    for response in document["components"]["responses"].values():
        for example in _examples(response):
            found.setdefault(str(example["status"]), set()).add(example["code"])
    return found


def _is_implied(operation: Any, status: str, response: dict[str, Any]) -> bool:
    headers = [parameter.name for parameter in operation.parameters if parameter.place == "header"]
    implied = implied_responses(operation.method.lower(), operation.path, operation.definition, headers)
    return status in implied and response == {"$ref": f"#/components/responses/{implied[status]}"}


def _codes(response: dict[str, Any]) -> Iterator[str]:
    yield from (example["code"] for example in _examples(response))


def _examples(response: dict[str, Any]) -> list[dict[str, Any]]:
    content = response.get("content", {}).get("application/problem+json")
    if content is None:
        return []
    return [content["example"]] if "example" in content else [e["value"] for e in content["examples"].values()]


def complaints() -> list[str]:
    """Say what nobody produced, and which reason is none any more."""
    missing = documented() - SEEN
    return [
        *(f"{' '.join(m)}: the contract documents it, and no test produced it" for m in sorted(missing - REASONS)),
        *(f"{' '.join(m)}: some test produced it; take its reason away" for m in sorted(SEEN & {*NOT_PRODUCED})),
        *(
            f"{' '.join(m)}: is not documented; take its reason away"
            for m in sorted({*NOT_PRODUCED, *BY_CHANCE} - documented())
        ),
    ]
