"""Each rule of the contract lint, with a document that breaks it."""

import copy
import json
import time
from pathlib import Path

import broken_declarations
import pytest

from accord.contract import bundle, laws
from accord.contract.tools import lint
from accord.contract.tools.merge import merge

NOTES = Path(__file__).with_name("notes.yaml").read_text("utf-8")
POST, GET, PATCH, DELETE = (
    ("paths", "/api/v1/notes", "post"),
    *(("paths", "/api/v1/notes/{noteId}", method) for method in ("get", "patch", "delete")),
)
SCHEMAS = ("components", "schemas")
NOTE, CREATE, UPDATE = ((*SCHEMAS, name) for name in ("Note", "CreateNote", "UpdateNote"))
TEXT = (*CREATE, "properties", "text")
ABSENT = object()
RECORD = {"table": "notes", "read": "getNote"}


# The rule, where the document is broken, by what, and what the message says.
BROKEN = [
    ("has_a_name", (*POST, "operationId"), "create_note", "give it an operationId in camelCase"),
    ("has_a_plain_path", ("paths", "/api/v1/Notes/"), {"get": {}}, "write the path as"),
    ("says_what_it_does", (*POST, "summary"), "Write a note.", "no full stop"),
    ("says_what_it_does", (*POST, "summary"), "x" * 81, "up to 80 characters"),
    ("says_what_it_does", (*POST, "description"), ABSENT, "give it a description"),
    ("has_the_tag_of_its_domain", (*POST, "tags"), ["other"], "it must have the tag notes alone"),
    ("has_the_tag_of_its_domain", ("tags",), [], "give openapi/domains/notes.yaml an x-tag"),
    ("names_its_permission", (*POST, "security"), ABSENT, "name its x-permission"),
    ("names_its_permission", (*GET, "x-permission"), "everything", "no role has the permission 'everything'"),
    ("names_its_permission", (*GET, "x-permission"), "users:raed", "no role has the permission 'users:raed'"),
    ("takes_every_time", TEXT, {"type": "string", "format": "date-time", "maxLength": 27}, "take a time by $ref"),
    ("names_a_record", (*NOTE, "required"), ["id"], "a record requires id and version"),
    ("reads_a_record", (*NOTE, "x-record"), RECORD | {"read": "getNotes"}, "must read one with a GET"),
    ("writes_what_a_record_has", (*NOTE, "x-record"), RECORD | {"writable": {"txt": "set"}}, "no such property"),
    ("writes_what_a_record_has", (*NOTE, "x-record"), RECORD | {"writable": {"text": "list"}}, "a list an array"),
    ("writes_what_a_record_has", (*NOTE, "x-record"), RECORD | {"writable": {"id": "set"}}, "the service alone"),
    ("writes_what_a_record_has", (*NOTE, "x-record"), RECORD | {"delete": True}, "needs writable, too"),
    ("names_a_list", (*GET, "x-list"), {"type": "notes", "of": "books"}, "the table of no record"),
    ("names_its_permission", (*GET, "security"), [{}, {"bearerAuth": []}], "open to all and has x-permission"),
    ("names_a_known_rate_limit", (*PATCH, "x-rate-limit"), "logn", "forgotPassword, login"),
    ("describes_each_response", (*DELETE, "responses", "204", "description"), " ", "describe the response 204"),
    (
        "shows_examples",
        (*POST, "requestBody", "content", "application/json", "example"),
        ABSENT,
        "request: add an example",
    ),
    (
        "shows_examples",
        (*GET, "responses", "200", "content", "application/json", "example"),
        ABSENT,
        "response 200: add an example",
    ),
    (
        "shows_examples",
        ("components", "parameters", "IfMatch", "example"),
        ABSENT,
        "to the parameter If-Match",
    ),
    (
        "describes_each_parameter",
        ("components", "parameters", "IfMatch", "description"),
        ABSENT,
        "describe the parameter If-Match",
    ),
    (
        "describes_each_parameter",
        ("components", "parameters", "IfMatch", "style"),
        "simple",
        "no style, explode or content",
    ),
    (
        "describes_each_parameter",
        ("components", "parameters", "ExpectedVersionQuery", "schema"),
        {"type": "object"},
        "must be a text, a number or a boolean",
    ),
    (
        "describes_each_parameter",
        ("components", "parameters", "ExpectedVersionQuery", "name"),
        "expected_version",
        "write the parameter expected_version in camelCase",
    ),
    (
        "declares_its_path_parameters",
        (*GET, "parameters"),
        [],
        "noteId must be in the path",
    ),
    (
        "names_each_parameter_once",
        (*GET, "parameters"),
        [{"name": "noteId", "in": "path"}] * 2,
        "the parameter noteId is there twice",
    ),
    (
        "speaks_json_only",
        (*POST, "requestBody", "content", "text/plain"),
        {"schema": {"type": "string"}},
        "use application/json instead of text/plain",
    ),
    (
        "speaks_json_only",
        (*POST, "responses", "400"),
        {"description": "Bad.", "content": {"application/json": {}}},
        "an error is application/problem+json",
    ),
    ("documents_every_status", (*POST, "responses", "201"), ABSENT, "document its success"),
    ("documents_every_status", (*GET, "responses", "404"), ABSENT, "document 404"),
    (
        "documents_every_status",
        (*GET, "responses", "404"),
        {"description": "No."},
        "give the response 404 the media type application/problem+json",
    ),
    ("states_the_version_it_read", (*UPDATE, "required"), [], "require expectedVersion in the body"),
    (
        "states_the_version_it_read",
        (*PATCH, "requestBody", "required"),
        False,
        "require expectedVersion in the body",
    ),
    (
        "states_the_version_it_read",
        ("components", "parameters", "ExpectedVersionQuery", "required"),
        False,
        "require expectedVersion in the query",
    ),
    ("states_the_version_it_read", (*PATCH, "responses", "409"), ABSENT, "document 409"),
    ("states_the_version_it_read", (*NOTE, "properties", "version"), ABSENT, "return the new version"),
    ("states_the_version_it_read", (*DELETE, "parameters"), [], "accept If-Match"),
    ("states_the_version_it_read", (*DELETE, "parameters"), [], "accept If-None-Match"),
    ("can_be_sent_again", (*POST, "parameters"), [], "accept Idempotency-Key"),
    (
        "carries_an_entity_tag",
        (*GET, "responses", "200", "headers"),
        ABSENT,
        "give the response the header ETag",
    ),
    ("carries_an_entity_tag", (*GET, "parameters"), [], "accept If-Match"),
    ("carries_an_entity_tag", (*GET, "parameters"), [], "accept If-None-Match"),
    ("documents_every_status", (*GET, "responses", "304"), ABSENT, "document 304"),
    (
        "is_walked_by_cursor",
        (*NOTE, "properties", "totalPages"),
        {"type": "integer", "minimum": 0, "maximum": 1},
        "return nextCursor, too",
    ),
    (
        "links_to_operations",
        (*POST, "responses", "201", "links", "read", "operationId"),
        "readNote",
        "the link read leads to no operation",
    ),
    (
        "links_to_operations",
        (*POST, "responses", "201", "links", "read", "requestBody"),
        {"text": "$request.body#/text"},
        "write the body of the link read as JSON in a text",
    ),
    (
        "names_parameters_in_every_language",
        ("components", "parameters", "ExpectedVersionQuery", "name"),
        "from",
        "the parameter from is a reserved word of a client",
    ),
    ("names_operations_in_every_language", (*POST, "operationId"), "import", "is a reserved word of a client"),
    (
        "names_properties_in_every_language",
        (*NOTE, "properties", "class"),
        {"type": "boolean"},
        "the property class is a reserved word of a client",
    ),
    ("has_a_type", (*TEXT, "type"), ABSENT, "give it a type"),
    (
        "stands_alone_as_a_reference",
        (*NOTE, "properties", "id", "nullable"),
        True,
        "remove what stands beside $ref",
    ),
    ("is_described", (*NOTE, "description"), ABSENT, "schema Note: give it a description"),
    ("is_described", (*SCHEMAS, "note"), {"type": "boolean"}, "write its name in PascalCase"),
    (
        "is_used",
        (*SCHEMAS, "Left"),
        {"$ref": "#/components/schemas/Over"},
        "components.schemas.Left: nothing uses it",
    ),
    (
        "names_what_access_rests_on",
        (*NOTE, "x-record"),
        {"table": "notes", "read": "getNote", "of": {"table": "nothing", "by": "text"}},
        "name in x-record.of a table of records",
    ),
    (
        "says_what_access_rests_on",
        (*SCHEMAS, "Line", "x-record", "of"),
        ABSENT,
        "getLine) has it below notes; say in x-record of",
    ),
    ("bounds_strings", (*NOTE, "properties", "text", "maxLength"), ABSENT, "give the string a maxLength"),
    ("bounds_strings", (*TEXT, "enum"), ["a", "b"], "remove maxLength; the enum names every value"),
    ("says_how_wide_a_number_is", (*TEXT, "type"), "number", "give the number the format double"),
    ("bounds_integers", (*SCHEMAS, "Version", "maximum"), 2**63, "within int64"),
    ("bounds_integers", (*SCHEMAS, "Version", "minimum"), ABSENT, "within int64"),
    (
        "bounds_arrays",
        (*NOTE, "properties", "tags", "maxItems"),
        ABSENT,
        "give the array items and a maxItems",
    ),
    ("bounds_arrays", (*NOTE, "properties", "tags", "items"), ABSENT, "give the array items and a maxItems"),
    ("closes_objects", (*NOTE, "additionalProperties"), ABSENT, "say additionalProperties: false"),
    ("closes_objects", (*NOTE, "additionalProperties"), {"type": "boolean"}, "give the map a maxProperties"),
    ("refuses_unknown_fields", (*CREATE, "additionalProperties"), True, "a request names all its fields"),
    ("refuses_unknown_fields", (*TEXT, "readOnly"), True, "write a schema of its own for the response"),
    (
        "requires_what_it_has",
        (*NOTE, "required"),
        ["id", "title"],
        "it requires title, which it does not have",
    ),
    (
        "is_camel_case",
        (*NOTE, "properties", "is_kept"),
        {"type": "boolean"},
        "write the property is_kept in camelCase",
    ),
    (
        "keeps_null_simple",
        (*NOTE, "properties", "kept", "oneOf"),
        [{"type": "string"}],
        "does not go with a combinator",
    ),
    ("keeps_null_simple", (*NOTE, "properties", "kept", "type"), ABSENT, "nullable needs a type"),
    ("tells_branches_apart", TEXT, {"anyOf": [{"type": "boolean"}]}, "a request has oneOf alone"),
    ("tells_branches_apart", TEXT, {"oneOf": [{"type": "number"}, {"type": "integer"}]}, "tell the branches apart"),
    ("has_portable_patterns", (*TEXT, "pattern"), "[a-z]+", "anchor the pattern"),
    ("has_portable_patterns", (*TEXT, "pattern"), r"^\d+$", "no \\d, \\w, \\s or lookaround"),
    ("has_portable_patterns", (*TEXT, "pattern"), "^(?=a)[a-z]+$", "no \\d, \\w, \\s or lookaround"),
    ("says_which_characters_it_reads", (*TEXT, "pattern"), ABSENT, "give the string a pattern"),
    (
        "responses_hold_no_secrets",
        (*NOTE, "properties", "passwordHash"),
        {"type": "string", "maxLength": 9},
        "the property passwordHash",
    ),
    ("responses_hold_no_secrets", (*NOTE, "properties", "text", "format"), "password", "the format password"),
    (
        "hides_passwords",
        (*CREATE, "properties", "password", "format"),
        ABSENT,
        "give the password the format password",
    ),
    (
        "is_shown_with_valid_examples",
        (*POST, "requestBody", "content", "application/json", "example"),
        {"text": 1},
        "createNote), request: the example is not valid at /text",
    ),
    (
        "is_shown_with_valid_examples",
        (*GET, "responses", "200", "content", "application/json", "example", "kept"),
        "yesterday",
        "the example is not valid at /kept",
    ),
    (
        "is_shown_with_valid_examples",
        ("components", "parameters", "ExpectedVersionQuery", "example"),
        0,
        "parameter expectedVersion: the example is not valid",
    ),
    (
        "is_shown_with_valid_examples",
        ("components", "headers", "ETag", "example"),
        7,
        "header ETag: the example",
    ),
    (
        "is_shown_with_valid_examples",
        (*SCHEMAS, "Version", "example"),
        0,
        "schema Version: the example is not valid",
    ),
    (
        "is_fast_on_near_misses",
        (*TEXT, "pattern"),
        "^[^\\u0000]*[a-z][^\\u0000]*$",
        "let no two of its repeats overlap",
    ),
    (
        "shows_one_version",
        (*PATCH, "requestBody", "content", "application/json", "example", "expectedVersion"),
        2,
        """the example of expectedVersion must be that of If-Match, "1".""",
    ),
    (
        "names_each_object",
        (*NOTE, "properties", "tags"),
        {"type": "object", "maxProperties": 3, "additionalProperties": {"type": "boolean"}},
        "schema Note.tags: write the object as a schema of its own",
    ),
    ("is_fast_on_near_misses", (*TEXT, "pattern"), "^(?:a+)+$", "let no two of its repeats overlap"),
    *broken_declarations.BROKEN,
]


@pytest.fixture(scope="module")
def notes(tmp_path_factory) -> dict:
    """A small contract that keeps every law."""
    folder = tmp_path_factory.mktemp("openapi")
    (folder / "domains").mkdir()
    shared = bundle.REPOSITORY / "openapi" / "openapi.yaml"
    (folder / "openapi.yaml").write_bytes(shared.read_bytes())
    (folder / "domains" / "notes.yaml").write_text(NOTES, encoding="utf-8")
    return json.loads(json.dumps(merge(folder)))


def broken(document: dict, place: tuple[str, ...], value: object) -> dict:
    document = copy.deepcopy(document)
    holder = document
    for step in place[:-1]:
        holder = holder[step]
    if value is ABSENT:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return document


def rule(name: str):
    return next(rule for rule in (*laws.RULES, *lint.SLOW_RULES) if rule.__name__ == name)


def test_a_contract_that_keeps_the_laws_has_no_problems(notes):
    assert lint.problems(notes) == []


@pytest.mark.parametrize(("name", "place", "value", "message"), BROKEN)
def test_a_broken_law_is_found(notes, name, place, value, message):
    found = list(rule(name)(broken(notes, place, value)))

    assert any(message in problem for problem in found), found


@pytest.mark.parametrize("name", [rule.__name__ for rule in (*laws.RULES, *lint.SLOW_RULES)])
def test_every_rule_has_a_document_that_breaks_it(name):
    assert name in {case[0] for case in BROKEN}


def test_every_broken_law_is_reported_at_once(notes):
    document = broken(broken(notes, (*POST, "summary"), ""), (*NOTE, "description"), "")

    found = laws.problems(document)

    assert found == [
        "POST /api/v1/notes (createNote): give it a summary, up to 80 characters, no full stop.",
        "schema Note: give it a description.",
    ]


def test_a_change_without_a_version_may_say_why(notes):
    document = broken(notes, (*UPDATE, "required"), [])
    document = broken(document, (*PATCH, "x-unversioned"), "It counts, and sums do not conflict.")

    assert list(rule("states_the_version_it_read")(document)) == []


def test_a_post_below_a_record_changes_it_unless_it_creates(notes):
    document = copy.deepcopy(notes)
    document["paths"]["/api/v1/notes/{noteId}"]["post"] = {
        **copy.deepcopy(document["paths"]["/api/v1/notes/{noteId}"]["get"]),
        "operationId": "publishNote",
    }

    found = list(rule("states_the_version_it_read")(document))

    assert any("publishNote): require expectedVersion" in problem for problem in found)


def test_an_exponential_pattern_does_not_hang_the_lint(notes):
    started = time.monotonic()

    found = list(rule("is_fast_on_near_misses")(broken(notes, (*TEXT, "pattern"), "^(?:[a-z]*)*$")))

    assert found
    assert time.monotonic() - started < 30
