"""The members that every operation must have."""

import re
from collections.abc import Iterator

from accord.contract.buckets import BUCKETS
from accord.contract.implied_responses import implied_responses
from accord.contract.laws.document import Json, Placed, contents, examples, operations
from accord.contract.operations import is_success
from accord.contract.references import resolve
from accord.contract.roles import PERMISSIONS

MAX_SUMMARY = 80
SCALARS = frozenset({"string", "integer", "number", "boolean"})
PROBLEM = "#/components/schemas/Problem"

is_camel_case = re.compile(r"[a-z][a-zA-Z0-9]*").fullmatch
is_path = re.compile(r"(?:/api/v1|/\.well-known)(?:/(?:[a-z0-9]+(?:[-.][a-z0-9]+)*|\{[a-z][a-zA-Z0-9]*\}))+").fullmatch


def has_a_name(bundle: Json) -> Iterator[str]:
    """The operationId names the flow file, the test and the SDK function."""
    for operation in operations(bundle):
        if not is_camel_case(operation.definition.get("operationId", "")):
            yield f"{operation.where}: give it an operationId in camelCase, like updateMe."


def has_a_plain_path(bundle: Json) -> Iterator[str]:
    """Paths are predictable, and none ends with a slash."""
    for operation in operations(bundle):
        if not is_path(operation.path):
            yield f"{operation.where}: write the path as /api/v1/words-with-hyphens/{{camelCaseParameter}}."


def says_what_it_does(bundle: Json) -> Iterator[str]:
    """Summary and description are what the docs and the SDKs show."""
    for operation in operations(bundle):
        summary = operation.definition.get("summary", "")
        if not summary or len(summary) > MAX_SUMMARY or summary.endswith("."):
            yield f"{operation.where}: give it a summary, up to {MAX_SUMMARY} characters, no full stop."
        if not operation.definition.get("description", "").strip():
            yield f"{operation.where}: give it a description."


def has_the_tag_of_its_domain(bundle: Json) -> Iterator[str]:
    """The docs list operations by tag, and each tag says what it is about."""
    described = {tag["name"] for tag in bundle.get("tags", ()) if tag.get("description")}
    for operation in operations(bundle):
        domain = operation.definition.get("x-domain")
        if operation.definition.get("tags") != [domain]:
            yield f"{operation.where}: it must have the tag {domain} alone; remove `tags`, the merge adds it."
        elif domain not in described:
            yield f"{operation.where}: give openapi/domains/{domain}.yaml an x-tag with name and description."


def names_its_permission(bundle: Json) -> Iterator[str]:
    """Law 1: the contract says which callers may use an operation."""
    for operation in operations(bundle):
        security = operation.definition.get("security")
        permission = operation.definition.get("x-permission")
        if permission is None and security != [] and {} not in (security or ()):
            yield f"{operation.where}: name its x-permission, or make it public by `security: []`."
        if permission is not None and permission not in PERMISSIONS:
            known = ", ".join(sorted(PERMISSIONS))
            yield f"{operation.where}: no role has the permission {permission!r}; there are {known}."
        if permission is not None and (security == [] or {} in (security or ())):
            yield f"{operation.where}: it is open to all and has x-permission; remove one of the two."


def names_a_known_rate_limit(bundle: Json) -> Iterator[str]:
    """A misspelt bucket would be no limit at all."""
    for operation in operations(bundle):
        bucket = operation.definition.get("x-rate-limit")
        if bucket is not None and bucket not in BUCKETS:
            known = ", ".join(sorted(BUCKETS))
            yield f"{operation.where}: x-rate-limit is {bucket!r}; use one of {known}, or add one to buckets.py."


def describes_each_response(bundle: Json) -> Iterator[str]:
    """A response without a description helps no reader."""
    for operation in operations(bundle):
        for status, response in operation.responses.items():
            if not response.get("description", "").strip():
                yield f"{operation.where}: describe the response {status}."


def shows_examples(bundle: Json) -> Iterator[str]:
    """The docs send the example of a request as it is."""
    for operation in operations(bundle):
        for where, _, content in contents(operation):
            if not examples(content):
                yield f"{where}: add an example that is valid."
        for parameter in operation.parameters:
            if not examples(parameter):
                yield f"{operation.where}: add an example to the parameter {parameter.get('name')}."


def describes_each_parameter(bundle: Json) -> Iterator[str]:
    """A parameter is one plain value with words, so that every client sends it alike."""
    for operation in operations(bundle):
        for parameter in operation.parameters:
            name = parameter.get("name")
            if not parameter.get("description", "").strip():
                yield f"{operation.where}: describe the parameter {name}."
            if "schema" not in parameter or parameter.keys() & {
                "content",
                "style",
                "explode",
                "allowReserved",
            }:
                yield f"{operation.where}: give the parameter {name} a schema, no style, explode or content."
            if resolve(bundle, parameter.get("schema", {})).get("type") not in SCALARS:
                yield f"{operation.where}: the parameter {name} must be a text, a number or a boolean."
            if parameter.get("in") in {"path", "query"} and not is_camel_case(name or ""):
                yield f"{operation.where}: write the parameter {name} in camelCase."


def declares_its_path_parameters(bundle: Json) -> Iterator[str]:
    """The names in the path are those that are declared, all required."""
    for operation in operations(bundle):
        in_path = set(re.findall(r"\{([^}]*)\}", operation.path))
        declared = {p.get("name", "") for p in operation.parameters if p.get("in") == "path" and p.get("required")}
        for name in sorted(in_path ^ declared):
            yield f"{operation.where}: {name} must be in the path and be declared as required."


def names_each_parameter_once(bundle: Json) -> Iterator[str]:
    """An operation repeats nothing that its path has already."""
    for operation in operations(bundle):
        names = [p.get("name") for p in operation.parameters]
        for name in dict.fromkeys(name for name in names if names.count(name) > 1):
            yield f"{operation.where}: the parameter {name} is there twice; remove one."


def speaks_json_only(bundle: Json) -> Iterator[str]:
    """Requests and responses are JSON, errors are problems; only streams have another media type."""
    for operation in operations(bundle):
        expected = "text/event-stream" if "x-stream" in operation.definition else "application/json"
        for where, media_type, content in contents(operation):
            status = where.rpartition(" ")[2]
            if status[:1] in "45" and len(status) == len("404"):
                if media_type != "application/problem+json" or content.get("schema") != {"$ref": PROBLEM}:
                    yield f"{where}: an error is application/problem+json with the schema Problem."
            elif media_type != expected:
                yield f"{where}: use {expected} instead of {media_type}."


def documents_every_status(bundle: Json) -> Iterator[str]:
    """C-5: a client never meets a status that the contract does not know."""
    for operation in operations(bundle):
        if not any(is_success(status) for status in operation.responses):
            yield f"{operation.where}: document its success, 200, 201 or 204."
        headers = {p.get("name", "") for p in operation.parameters if p.get("in") == "header"}
        implied = implied_responses(operation.method, operation.path, operation.definition, headers)
        for status in sorted(implied.keys() - operation.responses.keys()):
            yield f"{operation.where}: document {status}; `accord contract generate` adds it."
        for status, response in operation.responses.items():
            if status[0] in "45" and "application/problem+json" not in response.get("content", {}):
                yield f"{operation.where}: give the response {status} the media type application/problem+json."


def states_the_version_it_read(bundle: Json) -> Iterator[str]:
    """Law 2: nothing is ever silently overwritten."""
    for operation in operations(bundle):
        if not _changes_a_record(operation) or "x-unversioned" in operation.definition:
            continue
        if not _requires_expected_version(operation):
            place = "query" if operation.method == "delete" else "body"
            yield f"{operation.where}: require expectedVersion in the {place}, or say why in x-unversioned."
        if "409" not in operation.responses:
            yield f"{operation.where}: document 409 by $ref '#/components/responses/VersionConflict'."
        if operation.success_schema and "version" not in operation.success_schema.get("properties", {}):
            yield f"{operation.where}: return the new version, or respond with 204."
        yield from _takes_conditions(operation, {"If-Match": "IfMatch", "If-None-Match": "IfNoneMatchOnChange"})


def _takes_conditions(operation: Placed, references: dict[str, str]) -> Iterator[str]:
    names = {parameter.get("name") for parameter in operation.parameters}
    for header, reference in references.items():
        if header not in names:
            yield f"{operation.where}: accept {header} by $ref '#/components/parameters/{reference}'."


def _changes_a_record(operation: Placed) -> bool:
    """PUT, PATCH, DELETE, or a POST below a record that creates nothing."""
    if operation.method in {"put", "patch", "delete"}:
        return True
    return operation.method == "post" and "{" in operation.path and "201" not in operation.responses


def _requires_expected_version(operation: Placed) -> bool:
    if operation.method == "delete":
        return any(p.get("name") == "expectedVersion" and p.get("required") for p in operation.parameters)
    return "expectedVersion" in operation.body_schema.get("required", ()) and operation.body.get("required", False)


def can_be_sent_again(bundle: Json) -> Iterator[str]:
    """Law 4: a client that lost the response to a creating POST gets it again, and creates nothing twice."""
    for operation in operations(bundle):
        creates = operation.method == "post" and "201" in operation.responses
        if not creates or "x-unrepeatable" in operation.definition:
            continue
        if not any(p.get("name") == "Idempotency-Key" for p in operation.parameters):
            reference = "#/components/parameters/IdempotencyKey"
            yield f"{operation.where}: accept Idempotency-Key by $ref '{reference}', or say why not in x-unrepeatable."


def carries_an_entity_tag(bundle: Json) -> Iterator[str]:
    """V-3: a single record is read with its ETag, and not sent again to whoever holds it."""
    for operation in operations(bundle):
        if (
            "version" not in operation.success_schema.get("required", ())
            or "id" not in operation.success_schema["required"]
        ):
            continue
        success = next(response for status, response in operation.responses.items() if is_success(status))
        if "ETag" not in success.get("headers", {}):
            yield f"{operation.where}: give the response the header ETag, by $ref '#/components/headers/ETag'."
        if operation.method == "get":
            yield from _takes_conditions(operation, {"If-Match": "IfMatchOnRead", "If-None-Match": "IfNoneMatch"})


def is_walked_by_cursor(bundle: Json) -> Iterator[str]:
    """E-9: numbered pages move while records come and go, so that whoever walks them skips and repeats."""
    for operation in operations(bundle):
        properties = operation.success_schema.get("properties", {})
        if "totalPages" in properties and "nextCursor" not in operation.success_schema["required"]:
            yield f"{operation.where}: return nextCursor, too, and take #/components/parameters/Cursor."


def links_to_operations(bundle: Json) -> Iterator[str]:
    """A link leads somewhere; generators read its body as a text."""
    known = {operation.definition.get("operationId") for operation in operations(bundle)}
    for operation in operations(bundle):
        for response in operation.responses.values():
            for name, link in response.get("links", {}).items():
                if link.get("operationId") not in known:
                    yield f"{operation.where}: the link {name} leads to no operation; correct it."
                if not isinstance(link.get("requestBody", ""), str):
                    yield f"{operation.where}: write the body of the link {name} as JSON in a text."


RULES = (
    has_a_name,
    has_a_plain_path,
    says_what_it_does,
    has_the_tag_of_its_domain,
    names_its_permission,
    names_a_known_rate_limit,
    describes_each_response,
    shows_examples,
    describes_each_parameter,
    declares_its_path_parameters,
    names_each_parameter_once,
    speaks_json_only,
    documents_every_status,
    states_the_version_it_read,
    can_be_sent_again,
    carries_an_entity_tag,
    is_walked_by_cursor,
    links_to_operations,
)
