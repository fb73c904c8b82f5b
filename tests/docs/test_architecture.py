"""docs/architecture.md names every package, and nothing that is not there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from markdown_tables import codes, section, table

REPOSITORY = Path(__file__).parents[2]
SOURCE = REPOSITORY / "src" / "accord"
PAGE = REPOSITORY / "docs" / "architecture.md"
TEXT = PAGE.read_text("utf-8")
STEP = re.compile(r"^([\w/]+\.py) +([A-Za-z_][\w.]*)(?:  |$)", re.MULTILINE)
"""A line of a drawing: a file, and what in it takes this step."""


@cache
def names_in(file: Path) -> set[str]:
    """Return the functions and classes of a module, and the methods as `Class.method`."""
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    top = [node for node in ast.parse(file.read_text("utf-8")).body if isinstance(node, definitions)]
    inner = [(node, each) for node in top if isinstance(node, ast.ClassDef) for each in node.body]
    methods = {f"{node.name}.{each.name}" for node, each in inner if isinstance(each, definitions)}
    return {node.name for node in top} | methods


def modules() -> set[str]:
    """Return the packages and the modules at the top of the source tree, as the page writes them."""
    packages = {f"{path.parent.name}/" for path in SOURCE.glob("*/*.py")}
    return packages | {path.name for path in SOURCE.glob("*.py") if not path.name.startswith("__")}


def test_every_package_has_a_line_and_every_line_a_package():
    rows = table(section(PAGE, "## Packages"))

    assert [codes(row[0])[0] for row in rows if not row[1]] == []
    assert {codes(row[0])[0] for row in rows} == modules()


def test_every_package_within_a_package_is_named_in_its_line():
    lines = {codes(row[0])[0]: row[1] for row in table(section(PAGE, "## Packages"))}
    inner = {path.parent for path in SOURCE.glob("*/*/*.py") if path.parts[-3] != "flows"}

    assert len(inner) > 5
    assert [path for path in inner if f"`{path.name}/`" not in lines[f"{path.parent.name}/"]] == []


@pytest.mark.parametrize(("file", "name"), STEP.findall(TEXT))
def test_every_step_of_a_walk_exists(file, name):
    assert name in names_in(SOURCE / file)


def test_every_walk_is_drawn_in_steps_that_are_checked():
    walks = [part.split("```")[1] for part in TEXT.split("\n## Walk ")[1:]]

    assert len(walks) == 5
    for walk in walks:
        steps = [line for line in walk.splitlines() if re.match(r"[\w/]+\.py", line)]
        assert len(steps) > 8
        assert [line for line in steps if not STEP.match(line)] == []


def test_every_file_that_is_named_exists():
    named = {code for code in codes(TEXT) if re.fullmatch(r"[\w./-]+(?:\.py|\.md|\.yaml|\.toml|\.yml|/)", code)}
    # What a file is called in each domain, or a folder inside the package of its row.
    known = {"queries.py", "problems.py", *(f"{path.name}/" for path in SOURCE.glob("*/*") if path.is_dir())}

    assert len(named) > 30
    assert {name for name in named - known if not ((SOURCE / name).exists() or (REPOSITORY / name).exists())} == set()


def test_every_status_of_an_error_says_where_it_is_decided():
    decided = table(section(PAGE, "## Where a response is decided"))
    explained = table(section(REPOSITORY / "docs" / "guides" / "errors.md", "## Every code"))

    assert {status for _, status, *_ in explained} <= {
        status for row in decided for status in re.findall(r"\d{3}", row[0])
    }


def test_every_invariant_names_what_holds_it():
    rows = table(section(PAGE, "## What always holds"))

    for invariant, held_by in rows:
        assert invariant.endswith("."), invariant
        assert codes(held_by), invariant
        for path, name in (code.split("::") for code in codes(held_by) if "::" in code):
            assert name in names_in(REPOSITORY / path), f"{path}::{name} moved? Correct docs/architecture.md."
