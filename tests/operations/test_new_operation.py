"""C-2: `accord new` in a copy of the source tree; what it writes is served, passes its test, and is clean."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from operations.processes import once
from running import ENVIRONMENT

pytestmark = once
ROOT = Path(__file__).parents[2]
_CACHES = {"__pycache__", ".ruff_cache"}
NEW = [
    ("notes", "addNote", "post", "/api/v1/notes"),
    ("notes", "renameNote", "patch", "/api/v1/notes/{noteId}"),
]


class Copy:
    """A copy of the source tree, and the commands of a developer in it."""

    def __init__(self, folder: Path, data_dir: Path) -> None:
        self.folder = folder
        self.variables = {**ENVIRONMENT, "PYTHONPATH": f"{folder / 'src'}", "DATA_DIR": str(data_dir)}

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env={**os.environ, **self.variables, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def files(self) -> set[str]:
        kept = (path for path in self.folder.rglob("*") if path.is_file() and not _CACHES & set(path.parts))
        return {str(path.relative_to(self.folder)) for path in kept}


@pytest.fixture(scope="module")
def copy(tmp_path_factory, service) -> Copy:
    folder = tmp_path_factory.mktemp("tree")
    unwanted = shutil.ignore_patterns("__pycache__", ".*")
    for name in ("src", "openapi", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return Copy(folder, service.folder / "data")


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
def test_they_are_served_and_pass_their_tests(copy):
    # These tests start the service of the copy, and ask it over HTTP.
    # In a folder of its own: by making one beside those of other runs, pytest closes theirs to other accounts.
    options = ("-q", "-p", "no:cacheprovider", f"--basetemp={copy.folder.with_name('notes')}")
    done = copy.run("pytest", "tests/flows/notes", *options, FLOW_TRANSPORT="local")

    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.mark.usefixtures("written")
def test_what_cannot_be_made_is_refused_in_words(copy):
    again = copy.run("accord", "new", "notes", "addNote", "--method", "post", "--path", "/api/v1/other-notes")
    elsewhere = copy.run("accord", "new", "notes", "dropNote", "--method", "delete", "--path", "/notes")

    assert (again.returncode, elsewhere.returncode) == (1, 1)
    assert "The operationId addNote is in notes; choose another." in again.stderr
    assert "The path starts with /api/v1/." in elsewhere.stderr
    assert "Traceback" not in again.stderr + elsewhere.stderr
