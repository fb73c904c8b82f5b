"""What is written keeps its form, and names what there is: decisions, codes, laws."""

import importlib
import re
from pathlib import Path

import pytest
from markdown_tables import codes

from accord.boot.flow_discovery import FLOWS
from accord.problems import Problem

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
ALEMBICS_TABLE = "accord.alembic_version"


def rows(document, heading):
    """Return the first two cells of each row of the table under the heading."""
    table = document.read_text("utf-8").split(heading)[1].split("\n\n|")[1].split("\n\n")[0]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]]
    return [(first, second) for first, second, *_ in cells]


def is_defined(name):
    """Return whether a dotted name is a package, a module, or a class of a module."""
    *above, last = name.split(".")
    path = (REPOSITORY / "src").joinpath(*above)
    if (path / last).is_dir() or (path / f"{last}.py").is_file():
        return True
    module = path.with_suffix(".py")
    return module.is_file() and f"\nclass {last}" in module.read_text("utf-8")


@pytest.mark.parametrize("document", DECISIONS, ids=lambda document: document.stem)
def test_a_decision_has_its_number_and_four_parts(document):
    text, number = document.read_text("utf-8"), DECISIONS.index(document) + 1

    assert document.name.startswith(f"{number:04}-")
    assert text.startswith(f"# {number}. ")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Alternatives"]
    assert len(text.splitlines()) <= 60


@pytest.mark.parametrize("document", DECISIONS, ids=lambda document: document.stem)
def test_a_decision_names_files_and_modules_that_exist(document):
    named = set(codes(document.read_text("utf-8"))) - {ALEMBICS_TABLE}
    files = {code for code in named if re.fullmatch(r"\w[\w.-]*/[\w./-]*\w\.\w+", code)}

    roots = (REPOSITORY, REPOSITORY / "src" / "accord")
    assert {file for file in files if not any((root / file).exists() for root in roots)} == set()
    dotted = {code for code in named if re.fullmatch(r"accord(?:\.\w+)+", code)}
    assert {name for name in dotted if not is_defined(name)} == set()


def test_every_link_between_pages_leads_to_a_file():
    links = [(page, link) for page in PAGES for link in re.findall(r"\]\(([^)#:\s]+)", page.read_text("utf-8"))]

    assert len(links) > 50
    assert [(page.name, link) for page, link in links if not (page.parent / link).exists()] == []


def test_no_table_was_wrapped_into_a_paragraph():
    lines = [(page.name, line) for page in PAGES for line in page.read_text("utf-8").splitlines() if "|---" in line]

    assert len(lines) > 20
    assert [(name, line) for name, line in lines if not re.fullmatch(r" *\|(?:---\|)+", line)] == []


def anchors(page):
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_into_a_page_leads_to_a_heading():
    links = [
        (page, (page.parent / target) if target else page, anchor)
        for page in PAGES
        for target, anchor in re.findall(r"\]\(([^)#:\s]*)#([^)\s]+)\)", page.read_text("utf-8"))
    ]

    assert len(links) > 50
    assert [(page.name, anchor) for page, target, anchor in links if anchor not in anchors(target)] == []


def test_every_decision_that_is_cited_exists():
    sources = [*PAGES, *(file for folder in ("src", "tests") for file in (REPOSITORY / folder).rglob("*.py"))]
    cited = {int(number) for file in sources for number in re.findall(r"\bdecision (\d+)", file.read_text("utf-8"))}

    assert len(cited) > 5
    assert cited <= set(range(1, len(DECISIONS) + 1))


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
