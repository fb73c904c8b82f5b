"""What the guides tell people to type works, and prints what the guides say."""

import json
import os
import re
import tempfile
from pathlib import Path

import guide
import pytest
from processes import once
from running import ENVIRONMENT
from scaffold_tree import Tree
from source_copies import copy_sources

REPOSITORY = Path(__file__).parents[2]
GUIDES = REPOSITORY / "docs" / "guides"
EDITED = ("openapi", "src", "tests/flows", "pyproject.toml")
"""What a guide that changes the code gets a copy of."""


STARTS_ITS_OWN = {"adding-an-operation.md", "long-operations.md", "running-replicas.md"}
CHANGE_THE_CODE = {
    "adding-an-operation.md",
    "adding-a-job.md",
    "reacting-to-changes.md",
    "scheduling-work.md",
    "sending-mail.md",
}


@pytest.fixture
def folder():
    """An empty folder, not below pytest's own, for the reason that the session's service has."""
    with tempfile.TemporaryDirectory(prefix="accord-tests-") as made:
        yield Path(made)


@pytest.mark.parametrize("name", sorted(path.name for path in GUIDES.glob("*.md")))
def test_the_guide_works(name, service, folder):
    if name in STARTS_ITS_OWN and service.transport != "local":
        pytest.skip("It runs in the other transport; what it starts is the same.")
    source = REPOSITORY / "src"
    if name in CHANGE_THE_CODE:
        copy_sources(folder, *EDITED)
        source = folder / "src"
    python_path = os.pathsep.join([str(source), *filter(None, [os.environ.get("PYTHONPATH")])])
    # Mails and other work are the service's: tests of its metrics count them.
    surroundings = {**ENVIRONMENT, **service.environment, "JOB_QUEUES": "operations", "PYTHONPATH": python_path}

    guide.run(GUIDES / name, service.url, folder, surroundings)

    if name == "adding-an-operation.md":
        request, response = (maximum_of_text(folder, schema) for schema in ("GreetSomebody", "GreetSomebodyResponse"))
        assert request + len("Hello, !") <= response, "The example's response must fit its contract."


@once
def test_a_checkout_passes_its_tests_after_the_guides_that_change_it(service, folder):
    copy = Tree(folder, DATA_DIR=str(folder / "data"))
    before = copy.files()
    for name in ("adding-a-job.md", "scheduling-work.md", "reacting-to-changes.md", "sending-mail.md"):
        surroundings = {**ENVIRONMENT, **service.environment, "PYTHONPATH": str(folder / "src")}
        guide.run(GUIDES / name, service.url, folder, surroundings)
    written = sorted(copy.files() - before)
    tests = [name for name in written if name.startswith("tests/")]
    others = ["tests/contract/test_laws.py", "tests/mail/test_tasks.py", "tests/mail/test_templates.py"]

    done = copy.run("pytest", "-q", "-n0", "-p", "no:cacheprovider", f"--basetemp={folder / 'tmp'}", *tests, *others)

    assert len(tests) == 4
    assert done.returncode == 0, done.stdout + done.stderr
    assert copy.run("ruff", "check", *(name for name in written if name.endswith(".py"))).returncode == 0
    assert [name for name in written if "/" not in name] == []


def maximum_of_text(folder, schema):
    bundle = json.loads((folder / "openapi" / "bundle.json").read_text("utf-8"))
    return bundle["components"]["schemas"][schema]["properties"]["text"]["maxLength"]


@pytest.mark.parametrize("name", ["errors.md", "following-changes.md", "handling-conflicts.md"])
def test_a_guide_works_a_second_time(name, service, folder):
    for _ in range(2):
        guide.run(GUIDES / name, service.url, folder, {**ENVIRONMENT, **service.environment}, person=False)


@pytest.mark.parametrize("name", sorted(path.name for path in GUIDES.glob("*.md")))
def test_every_wait_in_a_guide_is_bounded(name):
    waiting = [
        block.line
        for block in guide.blocks(GUIDES / name)
        if block.language in {"bash", "sh"} and re.search(r"^\s*(until|while) ", block.text, re.MULTILINE)
    ]

    assert waiting == [], "Wait with `for _ in $(seq 100)`, or with `curl --retry`."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("```bash\necho one\n```\n```text\ntwo\n```\n", "expected\ntwo\nbut got\none"),
        ("```bash\nfalse\necho after\n```\n", "failed"),
        ('```bash\necho \'{"a": 1}\'\n```\n```json\n{"a": 2}\n```\n', '"a": 1'),
        ("```text\nnothing\n```\n", "no block that could print this"),
        ("```python\nraise SystemExit(3)\n```\n", "failed"),
    ],
)
def test_a_guide_that_is_wrong_is_told(text, reason, service, tmp_path):
    wrong = tmp_path / "wrong.md"
    wrong.write_text(text)

    with pytest.raises(AssertionError, match=r"wrong\.md:\d") as told:
        guide.run(wrong, service.url, tmp_path, {})

    assert reason in str(told.value)
