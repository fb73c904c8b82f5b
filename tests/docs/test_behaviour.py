"""docs/behaviour.md has one short sentence per promise, and docs/behaviour/ links to the tests of each."""

import ast
import re
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "behaviour.md"
PROMISES, NOT_BUILT = PAGE.read_text("utf-8").split("## Not built")
LONGEST_PROMISE = 150  # characters: a row is read at a glance

ROW = re.compile(r"^\| \[([A-Z]+-\d+[a-z]?)\]\(behaviour/([\w-]+\.md)#([a-z0-9-]+)\) \| (.*) \|$", re.MULTILINE)
LINK = re.compile(r"\[`([^`]+)`\]\(([./]+/(?:tests|clients)/[\w/.-]+)\)")


def listed() -> dict[str, tuple[str, str]]:
    """Return the page and the text below each heading of docs/behaviour/."""
    return {
        heading: (page.name, text)
        for page in sorted(PAGE.with_suffix("").glob("*.md"))
        for heading, text in re.findall(
            r"^## (\S+)\n(.*?)(?=^## |\Z)", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
        )
    }


TESTS = listed()
ROWS = ROW.findall(PROMISES)


@cache
def names_in(file: Path) -> set[str]:
    """Return the names of the tests in a file, and that of the file, which stands for all of them."""
    text = file.read_text("utf-8")
    if file.suffix == ".ts":
        return {file.name, *re.findall(r"\btest\('([^']+)'", text)}
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    tests = (node.name for node in ast.walk(ast.parse(text)) if isinstance(node, functions))
    return {file.name, *(name for name in tests if name.startswith("test_"))}


def missing(page: Path, text: str) -> list[str]:
    """Return the links of the text that lead to no test."""
    links = [(name, (page.parent / target).resolve()) for name, target in LINK.findall(text)]
    return [f"{name} in {file}" for name, file in links if not file.exists() or name not in names_in(file)]


@pytest.mark.parametrize(("number", "page", "anchor", "promise"), ROWS, ids=[row[0] for row in ROWS])
def test_every_promise_is_a_short_sentence_with_tests_that_exist(number, page, anchor, promise):
    assert promise.endswith(".")
    assert len(promise) <= LONGEST_PROMISE
    assert anchor == number.lower()

    assert number in TESTS, f"Add `## {number}` with its tests to docs/behaviour/{page}."
    found_on, text = TESTS[number]
    assert found_on == page
    assert LINK.search(text), "Name a test, or move the promise to the ones not built."
    assert missing(PAGE.with_suffix("") / page, text) == [], f"Moved? Correct docs/behaviour/{page}."


def test_every_list_of_tests_belongs_to_a_promise():
    assert sorted(TESTS) == sorted(row[0] for row in ROWS)
    assert len(ROWS) == len(re.findall(r"^\| \W*[A-Z]+-\d", PROMISES, re.MULTILINE)), "A row has another form."


def numbers(text: str) -> list[tuple[str, int, str]]:
    found = re.findall(r"\b([A-Z]+)-(\d+)([a-z]?)", text)
    return [(series, int(number), letter) for series, number, letter in found]


def test_no_number_is_left_out():
    promised = [number for row in ROWS for number in numbers(row[0])]
    firsts = re.findall(r"^\| ([^|]+) \|", NOT_BUILT, re.MULTILINE)
    every = sorted({(series, number) for series, number, _ in [*promised, *numbers(" ".join(firsts))]})

    for series, found in groupby(every, key=lambda number: number[0]):
        of_series = [number for _, number in found]
        assert of_series == list(range(1, len(of_series) + 1)), series
    for number, letters in groupby(sorted(promised), key=lambda number: number[:2]):
        assert "".join(letter or "a" for *_, letter in letters) in "abcdefghijklmnopqrstuvwxyz", number


def test_every_feature_not_built_has_its_substitute():
    rows = re.findall(r"^\| [A-Z]+-\d.*$", NOT_BUILT, re.MULTILINE)

    assert rows
    assert [row for row in rows if row.count(" | ") != 2 or not row.endswith(". |")] == []
    assert missing(PAGE, NOT_BUILT) == []
