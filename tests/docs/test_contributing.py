"""CONTRIBUTING.md names files, commands and tests that exist."""

import re
from pathlib import Path

import guide
import pytest
from markdown_tables import codes

from accord.cli.main import main

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "CONTRIBUTING.md"
TEXT = PAGE.read_text("utf-8")
RECIPES = (
    "operation",
    "job",
    "reaction",
    "mail",
    "domain of records",
    "field of User",
    "setting",
    "metric",
    "permission",
    "live key",
)
MADE_BY_A_RECIPE = ("archive_user", "job_remind_of_note", "tasks")
TYPED = [*codes(TEXT), *(line for block in guide.blocks(PAGE) for line in block.text.splitlines())]


def test_every_common_change_has_a_recipe():
    heads = re.findall(r"^## An? (.*)$", TEXT, re.MULTILINE)

    assert heads == [*RECIPES, "rate-limit bucket", "error code"]


def test_every_file_that_a_recipe_names_exists():
    named = {word for code in codes(TEXT) for word in code.split() if re.fullmatch(r"[\w.-]+/[\w./-]+", word)}

    assert len(named) > 20
    assert [
        name
        for name in named
        if not (REPOSITORY / name).exists() and not any(made in name for made in MADE_BY_A_RECIPE)
    ] == []


def test_every_session_of_nox_exists():
    sessions = set(
        re.findall(r"^def (\w+)\(session: nox\.Session\)", (REPOSITORY / "noxfile.py").read_text(), re.MULTILINE)
    )

    named = {name for line in TYPED if line.startswith("nox -s ") for name in line[7:].split("#")[0].split()}
    assert named
    assert named - sessions == set()


@pytest.mark.parametrize(
    "command", sorted({tuple(found) for line in TYPED for found in re.findall(r"^accord (\w+) ?(\w+)?", line)})
)
def test_every_command_exists(command):
    words = [word for word in command if word]
    # What follows `new` are names that a person chooses.
    known = words[:1] if words[0] == "new" else words

    with pytest.raises(SystemExit) as ended:
        main([*known, "--help"])

    assert ended.value.code == 0
