"""docs/behaviour.md names a test for every promise, and nothing that is not there."""

import ast
import re
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "behaviour.md"
PROMISES, NOT_BUILT = PAGE.read_text("utf-8").split("## Not built")
NAMED = re.compile(r"`([\w/.-]+\.(?:py|ts))(?:::([^`]+))?`")


def rows(text: str) -> list[list[str]]:
    """Return the cells of every row that begins with a number such as `SDK-10`, or with several."""
    lines = [line.strip("|").split(" | ") for line in text.splitlines() if re.match(r"\| [A-Z]+-\d", line)]
    return [[cell.strip() for cell in cells] for cells in lines]


def numbers(cells: list[str]) -> list[tuple[str, int]]:
    return [(series, int(number)) for series, number in re.findall(r"([A-Z]+)-(\d+)", cells[0])]


@cache
def names_in(path: str) -> set[str]:
    """Return the names of the tests in a file."""
    folder = REPOSITORY / "tests" if path.endswith(".py") else REPOSITORY
    text = (folder / path).read_text("utf-8")
    if path.endswith(".ts"):
        return set(re.findall(r"\btest\('([^']+)'", text))
    found = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        node.name for node in ast.walk(ast.parse(text)) if isinstance(node, found) and node.name.startswith("test_")
    }


@pytest.mark.parametrize("cells", rows(PROMISES), ids=lambda cells: f"{cells[0]} {cells[1]}")
def test_every_promise_is_held_by_tests_that_exist(cells):
    _, promise, held_by = cells
    named = NAMED.findall(held_by)

    assert promise.endswith(".")
    assert named, "Name a test, or move the promise to what is not built."
    missing = [f"{path}::{name}" for path, name in named if name and name not in names_in(path)]
    missing += [path for path, name in named if not name and not (REPOSITORY / "tests" / path).exists()]
    assert missing == [], "Moved? Correct docs/behaviour.md."


def test_no_number_is_left_out():
    promised = [number for cells in rows(PROMISES) for number in numbers(cells)]
    everything = sorted({*promised, *(number for cells in rows(NOT_BUILT) for number in numbers(cells))})

    for series, found in groupby(everything, key=lambda number: number[0]):
        last = everything_of(series, everything)[-1]
        assert [number for _, number in found] == list(range(1, last + 1)), series
    for series in {series for series, _ in promised}:
        assert everything_of(series, promised) == sorted(everything_of(series, promised)), series


def everything_of(series: str, found: list[tuple[str, int]]) -> list[int]:
    return [number for one, number in found if one == series]


def test_every_feature_not_built_has_its_substitute():
    assert [cells for cells in rows(NOT_BUILT) if len(cells) != 3 or not cells[2].endswith(".")] == []
    assert all(name in names_in(path) for path, name in NAMED.findall(NOT_BUILT))
