"""What schemathesis cannot know from the contract: who may do what, and which values belong together.

Its environment names `IDENTITIES`, the account for each operation, and `PROTECTED`, the accounts it signs in with.
"""

import json
import os
import re
from typing import Any
from uuid import uuid4

import schemathesis
from schemathesis.wfc.escalation import restore_identity_assignments

_identities = json.loads(os.environ["IDENTITIES"])
_protected = set(json.loads(os.environ["PROTECTED"]))
_tag = re.compile(r'"[1-9][0-9]{0,15}"').fullmatch


@schemathesis.hook
def before_load_schema(_: schemathesis.HookContext, document: dict[str, Any]) -> None:
    """Bodies of links are JSON in a text, as generators of clients want them; it fills in objects only."""
    for path in document["paths"].values():
        for operation in path.values():
            for response in operation.get("responses", {}).values():
                for link in response.get("links", {}).values():
                    if "requestBody" in link:
                        link["requestBody"] = json.loads(link["requestBody"])


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case, __: dict[str, Any]) -> None:
    if _identities:
        # It would find out by being refused, and by then have spent most of its requests.
        restore_identity_assignments(case.operation.schema, dict(_identities))
        _identities.clear()
    if case.method in {"PATCH", "DELETE"} and case.path_parameters.get("userId") in _protected:
        # Without its accounts it could only go on as nobody.
        case.path_parameters["userId"] = str(uuid4())
    # Who lets another account into a conversation has nothing to keep from it any more.
    body = _without_protected(case.body)
    if body != case.body:
        case.body = body
    if case.meta is not None and case.meta.generation.mode.is_positive:
        _let_versions_agree(case)
        _let_tags_be_tags(case)


def _without_protected(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_protected(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_protected(inner) for inner in value]
    return str(uuid4()) if isinstance(value, str) and value in _protected else value


def _let_versions_agree(case: schemathesis.Case) -> None:
    """`If-Match` and `expectedVersion` are two witnesses of one version, which OpenAPI cannot say."""
    tag = case.headers.get("If-Match")
    if tag is None:
        return
    stated = case.body if isinstance(case.body, dict) else case.query
    version = stated.get("expectedVersion")
    if _tag(tag) and str(version).isdecimal():  # In a query it may be a text already.
        case.headers["If-Match"] = f'"{version}"'
    elif not _tag(tag):
        # It makes no value with quotation marks for a header, and takes a wrong one for a right one then.
        del case.headers["If-Match"]


def _let_tags_be_tags(case: schemathesis.Case) -> None:
    """The schema of `If-None-Match` takes any text, as reads do; a change takes nothing that may be a mistake."""
    if case.method != "GET" and not _tag(case.headers.get("If-None-Match", "")):
        case.headers.pop("If-None-Match", None)
