"""What the README shows is real: the request, its response, every path and every command."""

import re
from pathlib import Path

import guide
import pytest

from accord.cli.main import main

REPOSITORY = Path(__file__).parents[2]
README = REPOSITORY / "README.md"
DOCUMENTS = [
    README,
    REPOSITORY / "CHANGELOG.md",
    REPOSITORY / "CONTRIBUTING.md",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]


async def test_the_request_gets_the_response_shown(given, service, tmp_path):
    ada = await given.an_account()
    saved = await ada.patch("/api/v1/me", expectedVersion=1, lastName="King")
    assert saved.status_code == 200

    guide.run(README, service.url, tmp_path, {"ACCESS": ada.tokens["accessToken"]})


def test_the_request_comes_before_any_command():
    languages = [block.language for block in guide.blocks(README)]

    assert languages[:2] == ["bash", "json"]
    assert languages.index("sh") == 2


@pytest.mark.parametrize("document", ["README.md", "docs/guides/getting-started.md"])
def test_the_quick_start_works_where_pip_may_not_install(document):
    text = (REPOSITORY / document).read_text()

    assert "python3 -m venv .venv && . .venv/bin/activate" in text
    assert "uvx nox -s serve" in text


def test_every_path_of_the_map_exists():
    tree = README.read_text().split("## Where things are")[1].split("```")[1]
    paths = [line.split()[0] for line in tree.strip().splitlines()]

    assert len(paths) > 5
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []


def test_the_map_is_linked():
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text())

    assert {"docs/architecture.md", "docs/glossary.md", "CONTRIBUTING.md", "docs/permissions.md"} <= set(links)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(document):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text())

    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (document.parent / link).exists()] == []


def test_the_commands_are_those_that_exist():
    text = README.read_text()
    for command in set(re.findall(r"accord (serve|gateway|worker|new|doctor|db)\b", text)):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
