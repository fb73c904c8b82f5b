"""What is written keeps its form, and names what there is: decisions, codes, laws."""

import importlib
import re
from pathlib import Path

import pytest

from accord.boot.flow_discovery import FLOWS
from accord.problems import Problem

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))


def rows(document, heading):
    """Return the first two cells of each row of the table under the heading."""
    table = document.read_text("utf-8").split(heading)[1].split("\n\n|")[1].split("\n\n")[0]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]]
    return [(first, second) for first, second, *_ in cells]


@pytest.mark.parametrize("document", DECISIONS, ids=lambda document: document.stem)
def test_a_decision_has_its_number_and_four_parts(document):
    text, number = document.read_text("utf-8"), DECISIONS.index(document) + 1

    assert document.name.startswith(f"{number:04}-")
    assert text.startswith(f"# {number}. ")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Alternatives"]
    assert len(text.splitlines()) <= 60


def test_every_code_is_explained_with_its_status():
    for module in FLOWS.glob("*/problems.py"):
        importlib.import_module(f"accord.flows.{module.parent.name}.problems")

    def declared(base):
        ours = {(base.code, base.status)} if base.__module__.startswith("accord.") else set()
        return ours.union(*(declared(child) for child in base.__subclasses__()))

    explained = rows(DOCS / "guides" / "errors.md", "## Every code")
    assert {(code.strip("`"), int(status)) for code, status in explained} == declared(Problem), (
        "Explain every code in docs/guides/errors.md."
    )


def test_every_law_names_tests_that_exist():
    laws = rows(DOCS / "laws.md", "# Laws")
    assert [int(number) for number, _ in laws if number] == list(range(1, len({n for n, _ in laws if n}) + 1))

    named = re.findall(r"`((?:tests|src)/[\w/.-]+?\.py)(?:::(\w+))?`", (DOCS / "laws.md").read_text("utf-8"))
    assert named
    for path, name in named:
        file = REPOSITORY / path
        assert file.exists(), f"{path} moved? Correct docs/laws.md."
        assert not name or f"def {name}(" in file.read_text("utf-8"), f"{path}::{name} moved? Correct docs/laws.md."
