"""The laws of the architecture that the compiler, the linters and the start of the service do not check."""

import ast
import importlib
import inspect
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from accord.contract import bundle
from accord.contract.names import NOUNS
from accord.contract.operations import operations
from accord.contract.records import kinds
from accord.contract.tasks import tasks
from accord.edge.pages.pages import problem_page
from accord.flows.record_types import record_type
from accord.journal.entries import Journal
from accord.problems import Problem

ROOT = Path(__file__).parents[2]
FLOWS = ROOT / "src" / "accord" / "flows"
TESTS = ROOT / "tests" / "flows"
DOMAINS = sorted(folder.name for folder in FLOWS.iterdir() if (folder / "__init__.py").exists())
OPERATIONS = list(operations(bundle.load()))
TASKS = list(tasks(bundle.load()))
CARRIERS = sorted(file for file in FLOWS.glob("*/*.py") if file.stem not in {"__init__", *NOUNS})
"""The files of operations, tasks and reactions."""
REACTIONS = ("on_", "after_")
WRITTEN_BY_HAND = {".py", ".ts", ".js", ".css", ".html", ".yaml", ".yml", ".toml", ".md", ".sql", ""}
NOT_COUNTED = {
    r"src/accord/contract/types\.py|clients/.*/generated/.*": "a tool writes them",
    r"requirements/.*": "a tool writes them",
    r"LICENSE": "its text is not ours",
    r"docs/behaviour\.md": "one row for each promise, on one page to search, however many there are",
    r"openapi/.*\.yaml": "a domain is one file (C-1), however many operations it has",
}
LONGEST_FILE = 400
LONGEST_FLOW = 25
CATCH_ALLS = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "core",
    "manager",
    "managers",
    "service",
    "services",
    "misc",
}


@cache
def files() -> tuple[Path, ...]:
    """Return what is in the repository, or in a copy of it without its history."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return tuple(p for top in ("src", "tests", "openapi") for p in (ROOT / top).rglob("*") if p.is_file())
    return tuple(ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file())


def modules(*places: Path) -> Iterator[Path]:
    for place in places:
        yield from sorted(place.rglob("*.py"))


def test_every_operation_and_task_has_exactly_one_flow_and_one_test_and_there_are_no_others():
    named = {f"{one.domain}/{one.flow_name}" for one in (*OPERATIONS, *TASKS)}

    flows = {f"{file.parent.name}/{file.stem}" for file in CARRIERS if not file.stem.startswith(REACTIONS)}

    assert flows == named


def test_every_flow_has_exactly_one_test_and_there_are_no_others():
    tests = {f"{f.parent.name}/{f.stem.removeprefix('test_')}" for f in TESTS.glob("*/test_*.py")}

    assert tests == {f"{file.parent.name}/{file.stem}" for file in CARRIERS}


def test_a_domain_holds_modules_alone_and_a_few_nouns_beside_its_operations():
    others = [file for file in FLOWS.glob("*/*") if file.suffix != ".py" and "__pycache__" not in file.parts]

    assert others == []
    assert {"tables", "queries", "records", "rules", "serializers", "problems"} == NOUNS


@pytest.mark.parametrize("file", CARRIERS, ids=lambda file: file.stem)
def test_a_flow_is_one_short_function(file):
    [flow] = [node for node in ast.parse(file.read_text("utf-8")).body if isinstance(node, DEFINITIONS)]

    assert flow.name == file.stem
    assert ast.get_docstring(flow)
    assert (flow.end_lineno or 0) - flow.lineno < LONGEST_FLOW


DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_domain_imports_only_the_tables_of_another(domain):
    others = tuple(f"accord.flows.{other}." for other in DOMAINS if other != domain)
    tables = tuple(f"{other}tables." for other in others)

    names = {f"{name}." for file in modules(FLOWS / domain) for name in imported(file)}

    assert [name for name in names if name.startswith(others) and not name.startswith(tables)] == []


def test_a_table_of_a_domain_is_declared_once_and_imported_from_there():
    """A copy of its columns would have to be kept in step with them."""
    copies = {
        f"{file.parent.name}/{file.name}: {name}"
        for file in modules(FLOWS)
        for name in imported(file)
        if name in {"sqlalchemy.table", "accord.database.schema.metadata"} and file.stem != "tables"
    }

    assert copies == set()


def test_sql_is_written_in_queries_only():
    # A record type names the table that it is for.
    allowed = {"queries", "tables", "record_types"}

    wrong = [
        file.name
        for file in modules(FLOWS)
        if file.stem not in allowed and any(name.startswith(("sqlalchemy", "psycopg")) for name in imported(file))
    ]

    assert wrong == []


def test_no_flow_commits():
    callers = {
        file.name
        for file in modules(FLOWS)
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"commit", "rollback"}
    }

    assert callers == set()


def test_no_flow_takes_a_connection_of_its_own():
    takers = {
        file.name
        for file in modules(FLOWS)
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "database"
    }

    assert takers == set()


def changes_without_lists(file: Path) -> Iterator[str]:
    """Yield the journal entries of changes that name no lists, though records of their table are in lists."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(value=journal, attr="created" | "updated" | "deleted" as kind)):
                if ast.unparse(journal).split(".")[-1] != "journal":
                    continue
            case _:
                continue
        named = {keyword.arg or "": keyword.value for keyword in node.keywords}
        given = inspect.signature(getattr(Journal, kind)).bind(None, *node.args, **named).arguments
        match given["table"]:
            case ast.Constant(value=str(table)):
                has_lists = table in kinds() and record_type(table).lists is not None
            case _:
                has_lists = True
        if has_lists and ("lists" not in given or ast.unparse(given["lists"]) in {"()", "[]"}):
            yield f"{file.name}:{node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_change_of_a_record_names_the_lists_that_it_is_in(domain):
    assert [change for file in modules(FLOWS / domain) for change in changes_without_lists(file)] == []


@pytest.mark.parametrize("table", sorted(kinds()))
def test_the_insert_of_a_record_takes_every_column_of_its_table(table):
    """A list of columns by hand would silently drop the values of a column that is added later."""
    source = (FLOWS / kinds()[table].read.domain / "queries.py").read_text("utf-8")
    calls = {
        ast.unparse(node.func): node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.args[0]) == table
    }

    assert ("insert" in calls) == ("new_columns" in calls)


def test_flows_ask_the_context_for_time_and_chance():
    # What tests could not control; `time` and `asyncio` may measure and wait, and decide nothing.
    clocks = ("random.", "secrets.", "os.", "uuid.uuid1.", "uuid.uuid4.")
    taken = {f"{f.name}: {name}" for f in modules(FLOWS) for name in imported(f) if f"{name}.".startswith(clocks)}
    asked = {
        f"{file.name}: {ast.unparse(node)}"
        for file in modules(FLOWS)
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in {"datetime.now", "datetime.utcnow", "date.today", "time.time", "time.time_ns"}
    }

    assert taken | asked == set()


def test_every_event_of_the_contract_is_written_by_code():
    written = {
        value.value
        for file in files()
        if file.is_relative_to(ROOT / "src" / "accord") and file.suffix == ".py"
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "event" and isinstance(value, ast.Constant)
    }

    assert bundle.load()["x-events"].keys() - written == set()


def declared(base: type[Problem] = Problem) -> Iterator[type[Problem]]:
    yield base
    for child in base.__subclasses__():
        yield from declared(child)


@cache
def refusals() -> list[type[Problem]]:
    for domain in DOMAINS:
        if (FLOWS / domain / "problems.py").exists():
            importlib.import_module(f"accord.flows.{domain}.problems")
    return [problem for problem in declared() if problem.__module__.startswith("accord.")]


def examples(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every problem that the contract shows."""
    if isinstance(node, dict):
        if "requestId" in node and isinstance(node.get("code"), str):
            yield node
        for value in node.values():
            yield from examples(value)
    elif isinstance(node, list):
        for value in node:
            yield from examples(value)


def test_the_contract_shows_every_error_with_its_status_and_no_other():
    shown = {(example["code"], example["status"]) for example in examples(bundle.load())}

    assert {(problem.code, problem.status) for problem in refusals()} == shown


def test_the_contract_shows_errors_in_the_words_of_the_code():
    """An example has the title of its class; its detail is that of the class, or one that code gives instead."""
    declared_words = {(problem.code, problem.title, problem.detail) for problem in refusals()}
    titles = {words[:2] for words in declared_words}
    texts = {
        node.value
        for file in files()
        if file.is_relative_to(ROOT / "src" / "accord") and file.suffix == ".py"
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    shown = {(example["code"], example["title"], example["detail"]) for example in examples(bundle.load())}

    assert {words[:2] for words in shown} <= titles
    assert {words for words in shown - declared_words if words[2] not in texts} == set()


@pytest.mark.parametrize("code", sorted({problem.code for problem in refusals()}))
def test_every_error_has_a_page_with_the_next_step(code):
    page = problem_page(code)

    assert page is not None
    assert page.status == 200
    assert code.encode() in page.body


@pytest.mark.parametrize("problem", refusals(), ids=lambda problem: problem.__name__)
def test_every_error_states_the_next_step(problem):
    assert re.fullmatch(r"[A-Z][A-Z0-9_]*", problem.code)
    assert 400 <= problem.status <= 599
    assert problem.detail.endswith(".")


def test_no_file_written_by_hand_is_long():
    named = {f.relative_to(ROOT).as_posix(): f for f in files() if f.suffix in WRITTEN_BY_HAND}
    counted = {
        name: len(file.read_text("utf-8").splitlines())
        for name, file in named.items()
        if not any(re.fullmatch(pattern, name) for pattern in NOT_COUNTED)
    }

    assert {name: lines for name, lines in counted.items() if lines > LONGEST_FILE} == {}


def test_no_module_is_a_catch_all():
    paths = [file.relative_to(ROOT) for file in files()]
    ours = [path for path in paths if "generated" not in path.parts]
    named = {part.removeprefix("test_") for path in ours for part in (*path.parts[:-1], path.stem)}

    assert named & CATCH_ALLS == set()
