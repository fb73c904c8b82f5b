"""`accord new` writes an operation that passes every check as it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from source_copies import copy_sources

from accord.contract import bundle
from accord.contract.tools import generate, lint
from accord.contract.tools.insertion import insert
from accord.contract.tools.merge import merge
from accord.contract.tools.scaffold import ScaffoldRefused, new
from accord.contract.tools.sources import ContractInvalid

WIDGETS = [
    ("widgets", "createWidget", "POST", "/api/v1/widgets"),
    ("widgets", "getWidget", "get", "/api/v1/widgets/{widgetId}"),
    ("widgets", "updateWidget", "patch", "/api/v1/widgets/{widgetId}"),
    ("widgets", "replaceWidget", "put", "/api/v1/widgets/{widgetId}"),
    ("widgets", "deleteWidget", "delete", "/api/v1/widgets/{widgetId}"),
]


def copy_of_this_repository(place: Path) -> Path:
    top = (f"tests/{file.name}" for file in (bundle.REPOSITORY / "tests").glob("*.py"))
    return copy_sources(place, "openapi", "src", "tests/support", "pyproject.toml", *top)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of this repository to write into."""
    return copy_of_this_repository(tmp_path)


@pytest.fixture(scope="module")
def with_widgets(tmp_path_factory) -> Path:
    """A copy of this repository with a new operation of every method."""
    repository = copy_of_this_repository(tmp_path_factory.mktemp("repository"))
    for operation in WIDGETS:
        new(*operation, repository=repository)
    return repository


def text(repository: Path, file: str) -> str:
    return (repository / file).read_text(encoding="utf-8")


def tree(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def run(repository: Path, *command: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(repository / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr if done.returncode else ""


def test_a_new_operation_is_a_contract_a_flow_and_a_test(repository):
    written = new("widgets", "updateWidget", "patch", "/api/v1/widgets/{widgetId}", repository=repository)

    assert [file.relative_to(repository).as_posix() for file in written] == [
        "openapi/domains/widgets.yaml",
        "src/accord/flows/widgets/update_widget.py",
        "tests/flows/widgets/test_update_widget.py",
        "src/accord/flows/widgets/__init__.py",
        "tests/flows/widgets/samples.py",
        "openapi/bundle.json",
        "src/accord/contract/types.py",
    ]
    assert 'raise VersionConflict(current, body["expectedVersion"])' in text(
        repository, "src/accord/flows/widgets/update_widget.py"
    )
    assert "== 409" in text(repository, "tests/flows/widgets/test_update_widget.py")


def test_operations_of_every_method_keep_the_laws(with_widgets):
    assert lint.problems(merge(with_widgets / "openapi")) == []
    assert generate.stale(with_widgets) == []


def test_operations_of_every_method_keep_the_style(with_widgets):
    folders = ("src/accord/flows/widgets", "tests/flows/widgets")

    assert run(with_widgets, "-m", "ruff", "check", *folders) == ""
    assert run(with_widgets, "-m", "ruff", "format", "--check", *folders) == ""


def test_every_new_operation_finds_its_flow(with_widgets):
    program = """
from accord.contract import bundle
from accord.contract.operations import operations
from accord.boot.flow_discovery import find_flows
from accord.contract.tasks import tasks
flows, _, problems = find_flows(operations(bundle.load()), tasks(bundle.load()))
assert not problems, problems
assert {"createWidget", "getWidget", "updateWidget", "replaceWidget", "deleteWidget"} <= flows.keys()
"""

    assert run(with_widgets, "-c", program) == ""


def test_the_new_tests_pass_against_the_service(with_widgets):
    # In a folder of its own: by making one beside those of other runs, pytest closes theirs to other accounts.
    options = ("-q", "-p", "no:cacheprovider", f"--basetemp={with_widgets / 'tmp'}")

    assert run(with_widgets, "-m", "pytest", *options, "tests/flows/widgets") == ""


def test_an_existing_domain_keeps_its_comments_and_its_formatting(repository):
    before = text(repository, "openapi/domains/accounts.yaml").splitlines()

    new("accounts", "replaceUser", "put", "/api/v1/users/{userId}", repository=repository)

    after = text(repository, "openapi/domains/accounts.yaml").splitlines()
    rest = iter(after)
    assert all(line in rest for line in before), "a line was changed, moved or lost"
    assert len(after) > len(before)


def test_parameters_of_a_known_path_are_not_written_again(repository):
    new("accounts", "replaceUser", "put", "/api/v1/users/{userId}", repository=repository)
    new("meta", "addNote", "post", "/api/v1/meta/users/{userId}/notes", repository=repository)

    paths = merge(repository / "openapi")["paths"]
    known = {"$ref": "#/components/parameters/UserId"}
    assert paths["/api/v1/users/{userId}"]["put"]["parameters"].count(known) == 1
    assert paths["/api/v1/meta/users/{userId}/notes"]["post"]["parameters"].count(known) == 1


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (("Widgets", "getWidget", "get", "/api/v1/widgets"), "The domain is one lower-case word"),
        (("widgets", "GetWidget", "get", "/api/v1/widgets"), "The operationId is camelCase"),
        (("widgets", "queries", "get", "/api/v1/widgets"), "queries.py has another meaning"),
        (("widgets", "import", "get", "/api/v1/widgets"), "import.py has another meaning"),
        (("widgets", "getWidget", "fetch", "/api/v1/widgets"), "The method is one of get, post"),
        (("widgets", "getWidget", "get", "/widgets"), "The path starts with /api/v1/"),
        (("widgets", "getWidget", "get", "/api/v1/widgets/"), "write the path as"),
        (("widgets", "getMe", "get", "/api/v1/widgets"), "The operationId getMe is in accounts"),
        (("widgets", "getMyself", "get", "/api/v1/me"), "GET /api/v1/me is getMe in accounts"),
        (("widgets", "user", "post", "/api/v1/widgets"), "The schema User is in domains/accounts.yaml"),
    ],
)
def test_a_refused_operation_writes_no_file(repository, operation, message):
    before = tree(repository)

    with pytest.raises(ScaffoldRefused, match=r"\.|:") as refused:
        new(*operation, repository=repository)

    assert message in str(refused.value)
    assert tree(repository) == before


def test_a_method_that_the_file_has_is_refused(repository):
    with pytest.raises(ScaffoldRefused, match="GET /api/v1/me is getMe in accounts"):
        new("accounts", "getMyself", "get", "/api/v1/me", repository=repository)


def test_a_file_in_the_way_is_kept(repository):
    test = repository / "tests/flows/widgets/test_get_widget.py"
    test.parent.mkdir(parents=True)
    test.write_text("mine", encoding="utf-8")

    with pytest.raises(ScaffoldRefused, match=r"test_get_widget\.py is there already"):
        new("widgets", "getWidget", "get", "/api/v1/widgets", repository=repository)
    assert test.read_text(encoding="utf-8") == "mine"


def test_installed_without_sources_it_says_where_to_run(tmp_path):
    with pytest.raises(generate.SourcesMissing, match="clone"):
        new(*WIDGETS[0], repository=tmp_path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1\n", "a: 1\n\npaths:\n  /x:\n    get: {}\n"),
        ("paths:\n  /y: {}\n", "paths:\n  /y: {}\n\n  /x:\n    get: {}\n"),
        ("paths:\n  /x:\n    put: {}\n# end\n", "paths:\n  /x:\n    put: {}\n    get: {}\n# end\n"),
        (
            "paths:\n  '/x': # why\n    put:\n      a: |\n        text\n\n# about b\nb: 1\n",
            "paths:\n  '/x': # why\n    put:\n      a: |\n        text\n    get: {}\n\n# about b\nb: 1\n",
        ),
    ],
)
def test_text_is_inserted_where_it_belongs(before, after):
    assert insert(before, "paths:\n  /x:\n    get: {}\n", "x.yaml") == after


@pytest.mark.parametrize(
    "unusual",
    ["paths: {}\n", "paths:\n    /x:\n        put: {}\n", "{paths: {/x: {put: {}}}}\n", "paths: {/x: {}}\n"],
)
def test_an_unusual_formatting_is_left_to_the_author(unusual):
    with pytest.raises(ContractInvalid, match="add this by hand"):
        insert(unusual, "paths:\n  /x:\n    get: {}\n", "x.yaml")
