"""What the merge refuses, and what it adds to an operation."""

from pathlib import Path

import pytest

from accord.contract import bundle
from accord.contract.tools.merge import merge, render
from accord.contract.tools.sources import ContractInvalid

SHARED = (bundle.REPOSITORY / "openapi" / "openapi.yaml").read_text(encoding="utf-8")
NOTES = """
x-tag: {name: notes, description: Notes.}
paths:
  /api/v1/notes/{noteId}:
    parameters:
      - {name: noteId, in: path, required: true, schema: {$ref: '#/components/schemas/Uuid'}}
    patch:
      operationId: updateNote
      x-permission: notes:write
      parameters: [{$ref: '#/components/parameters/IfMatch'}]
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Note'}}}}
      responses:
        '200': {description: Saved.}
        '409': {$ref: '#/components/responses/VersionConflict'}
components:
  parameters:
    NoteId: {name: noteId, in: path, required: true, schema: {type: string}}
  schemas:
    Note: {type: object}
"""


@pytest.fixture
def merged(tmp_path: Path):
    """Write the shared file and these domains, and merge them."""

    def write(shared: str = SHARED, **domains: str):
        (tmp_path / "domains").mkdir(exist_ok=True)
        (tmp_path / "openapi.yaml").write_text(shared, encoding="utf-8")
        for name, text in domains.items():
            (tmp_path / "domains" / f"{name}.yaml").write_text(text, encoding="utf-8")
        return merge(tmp_path)

    return write


def problems(merged, **domains: str) -> list[str]:
    with pytest.raises(ContractInvalid) as refused:
        merged(**domains)
    return refused.value.problems


def test_an_operation_gets_its_domain_its_tag_and_its_security(merged):
    operation = merged(notes=NOTES)["paths"]["/api/v1/notes/{noteId}"]["patch"]

    assert (operation["x-domain"], operation["tags"]) == ("notes", ["notes"])
    assert operation["security"] == [{"bearerAuth": []}]


def test_an_operation_gets_every_response_that_follows_from_its_form(merged):
    responses = merged(notes=NOTES)["paths"]["/api/v1/notes/{noteId}"]["patch"]["responses"]

    assert list(responses) == [
        *(
            "200",
            "400",
            "401",
            "403",
            "404",
            "405",
            "406",
            "409",
            "412",
            "413",
            "415",
            "429",
            "500",
            "503",
            "504",
        )
    ]
    assert responses["403"] == {"$ref": "#/components/responses/Forbidden"}


def test_a_response_that_the_author_wrote_stays(merged):
    authored = NOTES.replace("'200':", "'404': {description: No such note.}\n        '200':")

    responses = merged(notes=authored)["paths"]["/api/v1/notes/{noteId}"]["patch"]["responses"]

    assert responses["404"] == {"description": "No such note."}


def test_a_public_operation_has_no_401_and_no_403(merged):
    authored = NOTES.replace("x-permission: notes:write", "security: []")

    operation = merged(notes=authored)["paths"]["/api/v1/notes/{noteId}"]["patch"]

    assert operation["security"] == []
    assert not operation["responses"].keys() & {"401", "403"}


def test_the_tag_of_a_domain_is_described(merged):
    assert merged(notes=NOTES)["tags"] == [{"name": "notes", "description": "Notes."}]


def test_unused_components_of_the_shared_file_stay_out(merged):
    assert "PageLimit" not in merged(notes=NOTES)["components"]["parameters"]


def test_the_same_sources_make_the_same_text(merged):
    assert render(merged(notes=NOTES)) == render(merged(notes=NOTES))


def test_two_domains_may_share_a_path_with_different_methods(merged):
    other = NOTES.replace("patch:", "delete:").replace("updateNote", "deleteNote").partition("components:\n  par")[0]

    item = merged(notes=NOTES, others=other)["paths"]["/api/v1/notes/{noteId}"]

    assert (item["patch"]["x-domain"], item["delete"]["x-domain"]) == ("notes", "others")
    assert [p["name"] for p in item["delete"]["parameters"] if "name" in p] == ["noteId"]


TASKS = """
x-tasks:
  remindOfNote:
    summary: Remind the owner of a note
    args:
      type: object
      additionalProperties: false
      properties: {at: {$ref: '#/components/schemas/Time'}, note: {$ref: '#/components/schemas/Reminder'}}
components:
  schemas:
    Reminder: {type: object, properties: {at: {$ref: '#/components/schemas/TimeOrNull'}}}
"""


def test_a_task_gets_its_domain_and_keeps_the_components_that_it_alone_uses(merged):
    document = merged(notes=NOTES, reminders=TASKS)

    task = document["x-tasks"]["remindOfNote"]
    assert (task["x-domain"], task["summary"]) == ("reminders", "Remind the owner of a note")
    assert {"Reminder", "Time", "TimeOrNull"} <= document["components"]["schemas"].keys()
    assert "TimeOrNull" not in merged(notes=NOTES, reminders="x-tasks: {}")["components"]["schemas"]


def test_a_task_is_declared_once(merged):
    (found,) = problems(merged, notes="x-tasks: {remind: {summary: A}}", others="x-tasks: {remind: {summary: B}}")

    assert found.startswith("domains/notes.yaml and domains/others.yaml both have the task remind;")


EVENTS = """
x-events:
  note.shared_again:
    summary: A note was shared again
    schema: {$ref: '#/components/schemas/Shared'}
    example: {id: 1}
components:
  schemas:
    Shared: {type: object}
"""


def test_an_event_gets_the_schema_and_the_example_of_the_whole_message(merged):
    document = merged(notes=NOTES, shares=EVENTS)

    event = document["x-events"]["note.shared_again"]
    assert (event["x-domain"], event["schema"]["$ref"]) == ("shares", "#/components/schemas/NoteSharedAgainEvent")
    assert event["example"]["type"] == "note.shared_again"
    assert event["example"]["data"] == {"id": 1}
    properties = document["components"]["schemas"]["NoteSharedAgainEvent"]["properties"]
    assert properties["type"] == {"type": "string", "enum": ["note.shared_again"]}
    assert properties["data"] == {"$ref": "#/components/schemas/Shared"}
    assert properties.keys() == event["example"].keys()
    assert "UuidOrNull" in document["components"]["schemas"]


def test_an_event_is_declared_once_and_leaves_its_name_to_its_message(merged):
    taken = problems(merged, shares=EVENTS, notes=NOTES + "    NoteSharedAgainEvent: {type: object}\n")
    twice = problems(merged, shares=EVENTS, notes=NOTES, others=EVENTS.partition("\ncomponents:")[0])

    assert twice[0].startswith("domains/others.yaml and domains/shares.yaml both have the event note.shared_again;")
    assert taken == ["domains/notes.yaml: the schema NoteSharedAgainEvent has the name of an event's; rename it."]


def test_duplicates_are_all_refused_at_once_and_name_both_files(merged):
    found = "\n".join(problems(merged, notes=NOTES, others=NOTES))

    for name in (
        "PATCH /api/v1/notes/{noteId}",
        "operationId updateNote",
        "schemas Note",
        "parameters NoteId",
    ):
        assert name in found
    assert found.count("domains/notes.yaml") == found.count("domains/others.yaml") == len(found.splitlines()) == 4


def test_a_name_of_the_shared_file_is_not_given_again(merged):
    (found,) = problems(merged, notes=NOTES + "    Problem: {type: object}\n")

    assert found.startswith("openapi.yaml and domains/notes.yaml both have the name in components.schemas Problem")


def test_unknown_top_level_keys_are_refused(merged):
    (found,) = problems(merged, notes=NOTES + "servers: []\n")

    assert found.startswith("domains/notes.yaml: the top-level key 'servers' is not one of")


def test_a_misspelt_method_is_refused(merged):
    (found,) = problems(merged, notes=NOTES.replace("patch:", "pacth:"))

    assert "'pacth', which is none of get, post, put, patch, delete" in found


def test_an_unknown_section_of_components_is_refused(merged):
    (found,) = problems(merged, notes=NOTES.replace("  schemas:", "  schema:"))

    assert "components has no section 'schema'" in found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("paths:\n", "domains/notes.yaml: paths is empty"),
        ("paths:\n  /api/v1/notes:\n", "domains/notes.yaml: /api/v1/notes is empty"),
        ("components:\n  schemas:\n", "domains/notes.yaml: components.schemas is empty"),
        ("x-tasks:\n", "domains/notes.yaml: x-tasks is empty"),
        ("x-events:\n", "domains/notes.yaml: x-events is empty"),
        ("", "domains/notes.yaml: holds no mapping"),
    ],
)
def test_empty_sections_are_refused(merged, text, message):
    assert problems(merged, notes=text)[0].startswith(message)


def test_a_reference_to_nothing_is_refused(merged):
    found = problems(merged, notes=NOTES.replace("schemas/Note'", "schemas/Nope'"))

    assert len(found) == 1
    assert found[0].startswith("domains/notes.yaml: #/components/schemas/Nope points at nothing")


def test_the_same_key_twice_in_one_file_is_refused(merged):
    (found,) = problems(merged, notes=NOTES + "components: {}\n")

    assert found == "domains/notes.yaml line 20: the key 'components' is there twice; remove one."


def test_every_file_with_a_mistake_is_named(merged):
    found = problems(merged, notes="paths: [", others="paths: }", more="x: 1")

    files = [problem.partition(".yaml")[0] for problem in found]
    assert files == ["domains/more", "domains/notes", "domains/others"]


def test_only_json_scalars_are_more_than_text(merged):
    notes = NOTES + "    Odd: {type: string, enum: [yes, on, 1:30, 2026-01-31, 0x1F, 0o17, 1_0, .5, ~]}\n"

    odd = merged(notes=notes)["components"]["schemas"]["Odd"]["enum"]

    assert odd == ["yes", "on", "1:30", "2026-01-31", "0x1F", "0o17", "1_0", ".5", None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"paths:\n  - [\n", "domains/notes.yaml line 3: "),
        (b"x-tag: {name: notes}\npaths:\n\t/x: {}\n", "domains/notes.yaml line 3: "),
        (b"x-tag: {name: notes}\n? [a]\n: 1\n", "domains/notes.yaml line 2: a key is a word"),
        (b"x-tag: {name: notes}\nx: \x07\n", "domains/notes.yaml line 2: a character that YAML does not have"),
        (b"x-tag: {name: notes}\nx: \xff\n", "domains/notes.yaml line 2: is not UTF-8."),
        (b"x: " + b"[" * 5000, "domains/notes.yaml: is nested too deeply."),
        (b"x: &a [*a]\nx-tag: *b\n", "domains/notes.yaml line 2: found undefined alias"),
        (b"paths:\n  /api/v1/notes:\n    get: 5\n", "GET /api/v1/notes is empty"),
        (b"paths:\n  /api/v1/notes:\n    get:\n", "GET /api/v1/notes is empty"),
        (b"", "domains/notes.yaml: holds no mapping"),
    ],
)
def test_broken_yaml_is_told_with_file_and_line(tmp_path, text, message):
    (tmp_path / "openapi.yaml").write_text(SHARED, encoding="utf-8")
    (tmp_path / "domains").mkdir()
    (tmp_path / "domains" / "notes.yaml").write_bytes(text)

    with pytest.raises(ContractInvalid) as refused:
        merge(tmp_path)

    assert message in refused.value.problems[0]
    assert len(refused.value.problems) == 1
