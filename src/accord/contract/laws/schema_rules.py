"""The laws of schemas."""

import re
from collections.abc import Iterator

from accord.contract.field_errors import discriminator, have_types_of_their_own
from accord.contract.laws.document import Json, request_schemas, response_schemas, schemas
from accord.contract.references import references, resolve

INT64 = (-(2**63), 2**63 - 1)
LONGEST_TIME = len("2026-01-31T09:30:00.123456789+14:00")
COMBINATORS = ("allOf", "anyOf", "oneOf")

_camel_case = re.compile(r"[a-z][a-zA-Z0-9]*").fullmatch
_pascal_case = re.compile(r"[A-Z][a-zA-Z0-9]*").fullmatch
_engine_specific = re.compile(r"\\[dDwWsSbBAZzGpPkxQE0-9]|\(\?(?!:)|[*+?}][+?]").search
_secret = re.compile(r"password|hash", re.IGNORECASE).search


def has_a_type(bundle: Json) -> Iterator[str]:
    """A schema without a type lets anything through."""
    for where, schema in schemas(bundle):
        if not schema.keys() & {"type", "$ref", *COMBINATORS}:
            yield f"{where}: give it a type."


def stands_alone_as_a_reference(bundle: Json) -> Iterator[str]:
    """In 3.0 what stands beside a $ref is ignored without a word."""
    for where, schema in schemas(bundle):
        if "$ref" in schema and len(schema) > 1:
            yield f"{where}: remove what stands beside $ref, or write the schema out."


def is_described(bundle: Json) -> Iterator[str]:
    """Component schemas become types in the docs and in both SDKs."""
    for name, schema in bundle.get("components", {}).get("schemas", {}).items():
        if not _pascal_case(name):
            yield f"schema {name}: write its name in PascalCase."
        if not schema.get("description", "").strip() and "$ref" not in schema:
            yield f"schema {name}: give it a description."


def is_used(bundle: Json) -> Iterator[str]:
    """An unused component is left over from a change."""
    used = set(references([bundle.get(part, {}) for part in ("paths", "x-tasks", "x-events")]))
    waiting = list(used)
    components = bundle.get("components", {})
    while waiting:
        kind, name = waiting.pop().split("/")[2:]
        found = set(references(components.get(kind, {}).get(name, {}))) - used
        used |= found
        waiting += found
    for kind in ("schemas", "parameters", "responses", "headers"):
        for name in components.get(kind, {}):
            if f"#/components/{kind}/{name}" not in used:
                yield f"components.{kind}.{name}: nothing uses it; remove it."


def bounds_strings(bundle: Json) -> Iterator[str]:
    """A text without a bound is an invitation; an enum bounds itself, and generators choke on more beside it."""
    for where, schema in schemas(bundle):
        if schema.get("type") != "string":
            continue
        if "enum" not in schema and "maxLength" not in schema:
            yield f"{where}: give the string a maxLength."
        for keyword in ("maxLength", "minLength", "pattern", "format"):
            if "enum" in schema and keyword in schema:
                yield f"{where}: remove {keyword}; the enum names every value."


def bounds_integers(bundle: Json) -> Iterator[str]:
    """Beyond int64 neither PostgreSQL nor most clients can hold it."""
    for where, schema in schemas(bundle):
        if schema.get("type") != "integer":
            continue
        low, high = schema.get("minimum"), schema.get("maximum")
        if not (isinstance(low, int) and isinstance(high, int) and INT64[0] <= low <= high <= INT64[1]):
            yield f"{where}: give the integer a minimum and a maximum within int64."


def says_how_wide_a_number_is(bundle: Json) -> Iterator[str]:
    """Without a format Go and Java generators read a number as a float of 32 bits, and lose digits."""
    for where, schema in schemas(bundle):
        if schema.get("type") == "number" and schema.get("format") != "double":
            yield f"{where}: give the number the format double."


def bounds_arrays(bundle: Json) -> Iterator[str]:
    """A list without a bound is an invitation, too."""
    for where, schema in schemas(bundle):
        if schema.get("type") == "array" and not ("maxItems" in schema and "items" in schema):
            yield f"{where}: give the array items and a maxItems."


def closes_objects(bundle: Json) -> Iterator[str]:
    """An object says whether it has more than it names; a map says how much."""
    for where, schema in schemas(bundle):
        if schema.get("type") != "object":
            continue
        more = schema.get("additionalProperties")
        if more is None:
            yield f"{where}: say additionalProperties: false, or what other properties there are."
        elif isinstance(more, dict) and "maxProperties" not in schema:
            yield f"{where}: give the map a maxProperties."


def names_each_object(bundle: Json) -> Iterator[str]:
    """An object without a schema of its own gets a made-up name in both SDKs."""
    named = {f"schema {name}" for name in bundle.get("components", {}).get("schemas", {})}
    named |= {f"task {name}, args" for name in bundle.get("x-tasks", {})}
    for where, schema in schemas(bundle):
        says_nothing = schema.get("additionalProperties") is True and "properties" not in schema
        if schema.get("type") == "object" and where not in named and not says_nothing:
            yield f"{where}: write the object as a schema of its own in components, and refer to it."


def refuses_unknown_fields(bundle: Json) -> Iterator[str]:
    """I-4: what a request may not set it cannot send."""
    for where, schema in request_schemas(bundle):
        if schema.get("type") == "object" and schema.get("additionalProperties") is True:
            yield f"{where}: a request names all its fields; say additionalProperties: false."
        if schema.keys() & {"readOnly", "writeOnly"}:
            yield f"{where}: write a schema of its own for the response instead of readOnly or writeOnly."


def requires_what_it_has(bundle: Json) -> Iterator[str]:
    """A required property that is not declared can never be sent to a closed object."""
    for where, schema in schemas(bundle):
        for name in schema.get("required", ()):
            if name not in schema.get("properties", {}):
                yield f"{where}: it requires {name}, which it does not have; add or remove it."


def is_camel_case(bundle: Json) -> Iterator[str]:
    """The wire is camelCase."""
    for where, schema in schemas(bundle):
        for name in schema.get("properties", {}):
            if not _camel_case(name):
                yield f"{where}: write the property {name} in camelCase."


def keeps_null_simple(bundle: Json) -> Iterator[str]:
    """`nullable` beside a combinator breaks generated Python clients; without a type it means nothing."""
    for where, schema in schemas(bundle):
        if "nullable" not in schema:
            continue
        if schema.keys() & set(COMBINATORS):
            yield f"{where}: nullable does not go with a combinator; write the schema out as …OrNull."
        elif "type" not in schema:
            yield f"{where}: nullable needs a type beside it."


def tells_branches_apart(bundle: Json) -> Iterator[str]:
    """A value that could belong to any branch can be refused only without a reason."""
    for where, schema in request_schemas(bundle):
        if schema.keys() & {"allOf", "anyOf", "not"}:
            yield f"{where}: write the schema out; of the combinators a request has oneOf alone."
        branches = [resolve(bundle, branch) for branch in schema.get("oneOf", ())]
        if branches and discriminator(branches) is None and not have_types_of_their_own(branches):
            yield f"{where}: tell the branches apart, by types or by a required member whose enum has one value each."


def has_portable_patterns(bundle: Json) -> Iterator[str]:
    """A pattern means the same in ECMAScript, Rust and Python: anchored, with plain classes only."""
    for where, schema in schemas(bundle):
        pattern = schema.get("pattern")
        if pattern is None:
            continue
        if not (pattern.startswith("^") and pattern.endswith("$")):
            yield f"{where}: anchor the pattern with ^ and $."
        if _engine_specific(pattern):
            yield f"{where}: write the pattern with plain classes like [0-9], no \\d, \\w, \\s or lookaround."


def says_which_characters_it_reads(bundle: Json) -> Iterator[str]:
    """NUL is refused before validation (I-1), so a schema that allows it promises too much."""
    for where, schema in request_schemas(bundle):
        if schema.get("type") == "string" and not schema.keys() & {"pattern", "enum", "format"}:
            yield f"{where}: give the string a pattern; '^[^\\u0000]*$' allows all that is accepted at all."


def takes_every_time(bundle: Json) -> Iterator[str]:
    """C-14: a request has a time in any form of RFC 3339; only responses have a single form."""
    for where, schema in request_schemas(bundle):
        if schema.get("format") == "date-time" and ("pattern" in schema or schema.get("maxLength", 0) < LONGEST_TIME):
            yield f"{where}: take a time by $ref '#/components/schemas/Time', or TimeOrNull; responses have Timestamp."


def responses_hold_no_secrets(bundle: Json) -> Iterator[str]:
    """Law 6. Fewer names than logs and the journal redact: a sign-in returns its tokens, and `jwks.json` has keys."""
    for where, schema in response_schemas(bundle):
        for name in schema.get("properties", {}):
            if _secret(name):
                yield f"{where}: a response has the property {name}; secrets never leave, remove it."
        if schema.get("format") == "password":
            yield f"{where}: a response has the format password; secrets never leave, remove it."


def hides_passwords(bundle: Json) -> Iterator[str]:
    """The format makes the docs and the logs hide what is typed."""
    for where, schema in request_schemas(bundle):
        is_password = where.lower().endswith("password") and schema.get("type") == "string"
        if is_password and schema.get("format") != "password":
            yield f"{where}: give the password the format password."


def names_what_access_rests_on(bundle: Json) -> Iterator[str]:
    """A misspelt owner would let who lost it follow the record for good."""
    records = [
        (name, schema, schema["x-record"])
        for name, schema in bundle.get("components", {}).get("schemas", {}).items()
        if "x-record" in schema
    ]
    tables = {definition["table"] for _, _, definition in records}
    for name, schema, definition in records:
        owner = definition.get("of")
        if owner is not None and not (owner.get("table") in tables and owner.get("by") in schema.get("required", ())):
            yield f"schema {name}: name in x-record.of a table of records, and a required field with its id."


RULES = (
    has_a_type,
    stands_alone_as_a_reference,
    is_described,
    is_used,
    bounds_strings,
    bounds_integers,
    says_how_wide_a_number_is,
    bounds_arrays,
    closes_objects,
    names_each_object,
    refuses_unknown_fields,
    requires_what_it_has,
    is_camel_case,
    keeps_null_simple,
    tells_branches_apart,
    has_portable_patterns,
    says_which_characters_it_reads,
    takes_every_time,
    responses_hold_no_secrets,
    hides_passwords,
    names_what_access_rests_on,
)
