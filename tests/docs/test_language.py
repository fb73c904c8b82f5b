"""The house language: what is written uses the words of the field, and each sentence has a subject.

The words and openings, each with its reason, are in language.toml. A mark such as `(O-5)` in a docstring or a comment
is a row of docs/behaviour.md.
"""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import prose
import pytest

REPOSITORY = Path(__file__).parents[2]
LISTS = tomllib.loads(prose.read(Path(__file__).with_name("language.toml")))
NOT_YET = LISTS["not_yet"]
OPENINGS = {word: entry["reason"] for entry in LISTS["openings"] for word in entry["words"]}
WORDS = [(re.compile(rf"\b(?:{entry['pattern']})\b"), entry) for entry in LISTS["words"]]

MARK = re.compile(r"\(((?:(?!ADR)[A-Z]+-\d+(?:, | and )?)+)\)")  # ADR-32 is a document of NATS
PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    *sorted((REPOSITORY / "docs").glob("**/*.md")),
    *sorted((REPOSITORY / "clients").glob("*/README.md")),
]
CLIENTS = REPOSITORY / "clients"
SDK = CLIENTS / "python" / "src" / "accord_client"
SOURCES = [
    *sorted((REPOSITORY / "src" / "accord").glob("**/*.py")),
    *(file for file in sorted(SDK.glob("**/*.py")) if "generated" not in file.parts),
]
TYPESCRIPT = sorted((CLIENTS / "typescript" / "src").glob("*.ts"))
TESTS = sorted((REPOSITORY / "tests").glob("**/test_*.py"))


def named(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def to_check(files: list[Path]) -> list[object]:
    names = [named(path) for path in files]
    return [name for name in names if not any(name == entry or name.startswith(f"{entry}/") for entry in NOT_YET)]


def faults(found: Iterable[prose.Located]) -> list[str]:
    """Return what is to be said better, each with its line and the reason."""
    return [f"line {line}: {fault}\n  {sentence}" for line, sentence in found for fault in faults_of(sentence)]


def faults_of(sentence: str) -> list[str]:
    if any(allowed["text"] in sentence for allowed in LISTS["allowed"]):
        return []
    first, _, rest = sentence.partition(" ")
    opening = next((word for word in (first, f"{first} {rest.split(' ')[0]}") if word in OPENINGS), None)
    said = [f"begins with {opening!r}: {OPENINGS[opening]}"] if opening and not sentence.endswith("?") else []
    for pattern, entry in WORDS:
        match = pattern.search(sentence[:1].lower() + sentence[1:])
        if match:
            said.append(f"{match[0]!r}: say {entry['instead']}. {entry['reason']}")
    return said


@pytest.mark.parametrize("name", to_check(PAGES))
def test_a_page_is_in_house_language(name):
    assert faults(prose.of_markdown(prose.read(REPOSITORY / name))) == []


def test_the_changes_to_come_are_in_house_language():
    unreleased = prose.read(REPOSITORY / "CHANGELOG.md").split("\n## ")[1]
    if "CHANGELOG.md" not in NOT_YET:
        assert faults(prose.of_markdown(unreleased)) == []


@pytest.mark.parametrize("name", to_check(SOURCES))
def test_a_module_is_in_house_language(name):
    assert faults(prose.of_python(prose.read(REPOSITORY / name))) == []


@pytest.mark.parametrize("name", to_check(TYPESCRIPT))
def test_a_typescript_module_is_in_house_language(name):
    assert faults(prose.of_typescript(prose.read(REPOSITORY / name))) == []


@pytest.mark.parametrize(
    "source",
    [
        "const a = 1; // What follows is two.\n",
        "// A comment that goes on\n// in a second line. Who reads on?\nlet a; // It ends here.\n",
        "/** One line. Everything is read. */\n",
        "/**\n * A block:\n *\n * There is a list in `code. It`.\n */\n",
        "throw new Error('What is read is told.');\n",
        "throw new Error(`The answer is ${value} of the service.`);\n",
    ],
)
def test_a_fault_in_typescript_is_found_once(source):
    assert len(faults(prose.of_typescript(source))) == 1


def test_texts_of_typescript_are_no_comments():
    assert faults(prose.of_typescript("const url = 'http://answer.example'; const path = `//answer/${id}`;\n")) == []


@pytest.mark.parametrize("name", to_check(TESTS))
def test_a_test_is_named_by_its_subject(name):
    assert faults(prose.of_test_names(prose.read(REPOSITORY / name))) == []


def test_every_mark_is_a_row_of_the_behaviour():
    rows = set(re.findall(r"\b[A-Z]+-\d+\b", prose.read(REPOSITORY / "docs" / "behaviour.md")))
    marks = {
        mark
        for path in [*SOURCES, *TESTS]
        for group in MARK.findall(prose.read(path))
        for mark in re.findall(r"[A-Z]+-\d+", group)
    }

    assert marks
    assert marks - rows == set(), "A mark in brackets is a row of docs/behaviour.md."


def test_every_package_not_mended_yet_exists():
    assert [entry for entry in NOT_YET if not (REPOSITORY / entry).exists()] == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Who asks is told.",
        "What it is now is read as ever.",
        "It ends.",
        "The gateway is heard by whoever follows.",
        "One may read it.",
    ],
)
def test_a_sentence_without_subject_is_found(sentence):
    assert faults_of(sentence)


@pytest.mark.parametrize("sentence", ["What happens then?", "One file per operation.", "You forgo a timestamp."])
def test_a_plain_sentence_passes(sentence):
    assert faults_of(sentence) == []
