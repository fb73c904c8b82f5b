"""C-2: `accord new` in a copy of the source tree; what it writes is served, passes its test, and is clean."""

import pytest
from processes import once
from scaffold_tree import Tree

pytestmark = once
NEW = [
    ("notes", "addNote", "post", "/api/v1/notes"),
    ("notes", "renameNote", "patch", "/api/v1/notes/{noteId}"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory, service) -> Tree:
    return Tree(tmp_path_factory.mktemp("tree"), DATA_DIR=str(service.folder / "data"))


@pytest.fixture(scope="module")
def written(copy) -> set[str]:
    """Write the new operations; return the new files."""
    before = copy.files()
    for domain, operation, method, path in NEW:
        done = copy.run("accord", "new", domain, operation, "--method", method, "--path", path)
        assert done.returncode == 0, done.stderr
    return copy.files() - before


def test_accord_new_writes_contract_flow_and_test_only(written):
    assert written == {
        "openapi/domains/notes.yaml",
        "src/accord/flows/notes/__init__.py",
        *(f"src/accord/flows/notes/{name}.py" for name in ("add_note", "rename_note")),
        *(f"tests/flows/notes/test_{name}.py" for name in ("add_note", "rename_note")),
        "tests/flows/notes/samples.py",
    }


def test_the_tree_is_clean_afterwards(copy, written):
    python = sorted(name for name in written if name.endswith(".py"))

    checks = [
        copy.run("ruff", "check", *python),
        copy.run("ruff", "format", "--check", *python),
        copy.run("accord", "contract", "verify"),
        copy.run("accord", "contract", "lint"),
    ]

    assert [check.stdout + check.stderr for check in checks if check.returncode] == []


def test_accord_new_prints_the_next_steps_in_three_lines(copy):
    operation = copy.run("accord", "new", "hints", "addHint", "--method", "post", "--path", "/api/v1/hints")
    records = copy.run("accord", "new", "record", "steps", "title:text")

    for done, domain in ((operation, "hints"), (records, "steps")):
        files, hints = done.stdout.splitlines()[:-3], done.stdout.splitlines()[-3:]
        assert [name for name in files if not (copy.folder / name).is_file()] == []
        assert f"openapi/domains/{domain}.yaml" in hints[0]
        assert f"src/accord/flows/{domain}/" in hints[0]
        assert "`nox -s generate`" in hints[0]
        assert "`accord serve`" in hints[1]
        assert f"`nox -s quick -- tests/flows/{domain}`" in hints[2]
        assert max(map(len, hints)) <= 110


@pytest.mark.parametrize("typed", ["greet_somebody", "GreetSomebody", "greet-somebody", "greet somebody"])
def test_an_operation_id_in_another_case_is_told_in_one_line_with_the_right_one(copy, typed):
    done = copy.run("accord", "new", "greetings", typed, "--method", "post", "--path", "/api/v1/greetings")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "accord: The operationId is camelCase, like greetSomebody.\n"


@pytest.mark.parametrize(
    "path", ["/api/v1/Notes", "/api/v1/notes/", "/api/v1/notes/{note_id}", "/api/v1/notes/{noteId"]
)
def test_a_path_in_another_form_is_told_in_one_line(copy, path):
    done = copy.run("accord", "new", "greetings", "greetSomebody", "--method", "post", "--path", path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"accord: {path}: write the path as /api/v1/words-with-hyphens/{{camelCaseParameter}}.\n"


def test_a_field_whose_schema_is_taken_is_named(copy):
    done = copy.run("accord", "new", "record", "people", "name:text", "--singular", "person")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("accord: name: with person it makes the schema PersonName, which is in openapi.yaml;")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.usefixtures("written")
def test_an_impossible_operation_is_refused_with_its_reason(copy):
    again = copy.run("accord", "new", "notes", "addNote", "--method", "post", "--path", "/api/v1/other-notes")
    elsewhere = copy.run("accord", "new", "notes", "dropNote", "--method", "delete", "--path", "/notes")

    assert (again.returncode, elsewhere.returncode) == (1, 1)
    assert "The operationId addNote is in notes; choose another." in again.stderr
    assert "The path starts with /api/v1/." in elsewhere.stderr
    assert "Traceback" not in again.stderr + elsewhere.stderr
