"""Q-1: `accord new --job` in a copy of the source tree; what it writes is clean, is run, and passes its test."""

import json

import pytest
from processes import once
from scaffold_tree import Tree

from accord.contract.tasks import Every, tasks

pytestmark = once
NEW = (
    ("remindOfNote", "notes"),
    ("forgetOldNotes", "notes", "--every", "30 2 * * *", "--zone", "Europe/Berlin"),
    ("countSignIns", "auth"),
)
FILES = {
    "src/accord/flows/notes/job_remind_of_note.py",
    "src/accord/flows/notes/job_forget_old_notes.py",
    "src/accord/flows/auth/job_count_sign_ins.py",
    "tests/flows/notes/test_job_remind_of_note.py",
    "tests/flows/notes/test_job_forget_old_notes.py",
    "tests/flows/auth/test_job_count_sign_ins.py",
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Tree:
    folder = tmp_path_factory.mktemp("tree")
    return Tree(folder, DATA_DIR=str(folder / "data"))


@pytest.fixture(scope="module")
def written(copy) -> set[str]:
    """Write the new tasks; return the new files."""
    before = copy.files()
    for task, domain, *schedule in NEW:
        done = copy.run("accord", "new", "--job", task, "--domain", domain, *schedule)
        assert done.returncode == 0, done.stderr
    return copy.files() - before


def test_a_new_job_is_a_task_a_flow_and_a_test(written):
    assert written == {"openapi/domains/notes.yaml", "src/accord/flows/notes/__init__.py", *FILES}


@pytest.mark.usefixtures("written")
def test_a_task_with_a_schedule_has_no_arguments(copy):
    [task] = [
        task
        for task in tasks(json.loads((copy.folder / "openapi" / "bundle.json").read_text("utf-8")))
        if task.name == "forgetOldNotes"
    ]

    assert (task.every, task.arguments) == (Every("30 2 * * *", "Europe/Berlin"), set())


def test_the_tree_keeps_style_types_and_laws(copy, written):
    python = sorted(name for name in written if name.endswith(".py"))

    checks = [
        copy.run("ruff", "check", *python),
        copy.run("ruff", "format", "--check", *python),
        copy.run("pyright", *sorted(name for name in python if name.startswith("src"))),
        copy.run("accord", "contract", "verify"),
        copy.run("accord", "contract", "lint"),
        copy.run("pytest", "-q", "-n0", "-p", "no:cacheprovider", "tests/contract/test_laws.py"),
    ]

    assert [check.stdout + check.stderr for check in checks if check.returncode] == []


def test_the_new_tests_pass_against_a_service_that_runs_the_jobs(copy, written):
    tests = sorted(name for name in written if name.startswith("tests/"))

    done = copy.run("pytest", "-q", "-n0", "-p", "no:cacheprovider", f"--basetemp={copy.folder / 'tmp'}", *tests)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("written")
def test_a_task_that_is_taken_and_a_name_in_another_form_are_told_in_one_line(copy):
    again = copy.run("accord", "new", "--job", "remindOfNote", "--domain", "accounts")
    named = copy.run("accord", "new", "--job", "remind_of_note", "--domain", "notes")
    placed = copy.run("accord", "new", "--job", "remindOfNotes", "--domain", "Notes")
    planned = copy.run("accord", "new", "--job", "paintFence", "--domain", "garden", "--every", "61 * * * *")

    assert [done.returncode for done in (again, named, placed, planned)] == [1, 1, 1, 1]
    assert again.stderr == "accord: The task remindOfNote is in domains/notes.yaml; choose another name.\n"
    assert named.stderr == "accord: The name of a task is camelCase, like remindOfNote.\n"
    assert placed.stderr == "accord: The domain is one lower-case word, like accounts or work_items.\n"
    assert planned.stderr.startswith("accord: task paintFence, every: the cron expression '61 * * * *' cannot be read")


def test_the_next_steps_are_told(copy):
    done = copy.run("accord", "new", "--job", "paintFence", "--domain", "garden")

    assert done.stdout.splitlines()[-3:] == [
        "Next, edit openapi/domains/garden.yaml and src/accord/flows/garden/, then run `accord contract generate`.",
        'Enqueue one in a flow: `await context.jobs.enqueue("paintFence", {"userId": …})`.',
        "Test it with `nox -s quick -- tests/flows/garden`.",
    ]
