"""C-2: `accord new` in a copy of the source tree; what it writes is served, passes its test, and is clean."""

import pytest
from operations.processes import once
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


def test_it_writes_contract_flow_and_test_and_nothing_else(written):
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
        copy.run("accord.contract", "verify"),
        copy.run("accord.contract", "lint"),
    ]

    assert [check.stdout + check.stderr for check in checks if check.returncode] == []


@pytest.mark.usefixtures("written")
def test_what_cannot_be_made_is_refused_in_words(copy):
    again = copy.run("accord", "new", "notes", "addNote", "--method", "post", "--path", "/api/v1/other-notes")
    elsewhere = copy.run("accord", "new", "notes", "dropNote", "--method", "delete", "--path", "/notes")

    assert (again.returncode, elsewhere.returncode) == (1, 1)
    assert "The operationId addNote is in notes; choose another." in again.stderr
    assert "The path starts with /api/v1/." in elsewhere.stderr
    assert "Traceback" not in again.stderr + elsewhere.stderr
