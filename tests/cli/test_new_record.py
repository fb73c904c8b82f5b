"""A record domain and an operation, scaffolded in a copy of the source tree: every check of that copy passes.

Its own tests, and those that go through every operation of the contract, run there against a service of its own.
"""

import sys
from pathlib import Path

import pytest
from processes import once
from scaffold_tree import Tree

pytestmark = once
# A field of each kind, names of two words and of SQL's own, and what may be null.
FIELDS = (
    "title:text",
    "dueDate:date:optional",
    "state:choice:open,inProgress,done",
    "done:boolean",
    "order:integer",
    "weight:number:optional",
    "startsAt:time",
    "note:longtext:optional",
    "parentId:uuid:optional",
)
OPERATIONS = ("create_work_item", "delete_work_item", "get_work_item", "list_work_items", "update_work_item")
# What goes through every operation of the contract, and knows none by hand.
GENERIC = (
    *("tests/contract/test_laws.py", "tests/contract/test_lists.py", "tests/contract/test_order_of_problems.py"),
    "tests/contract/test_readable_records.py",
    *("tests/contract/test_strangers.py", "tests/docs/test_examples.py", "tests/docs/test_language.py"),
    "tests/edge/test_conditional_requests.py",
    *(
        "tests/edge/test_pagination.py",
        "tests/system/hostile/test_parameters.py",
        "tests/system/idempotency/test_keys.py",
    ),
    *(
        "tests/journal/test_entries.py",
        "tests/database/migrations/test_migrations.py",
        "tests/system/races/test_versioned_resources.py",
    ),
)
# Of these, what is about the new operations, or about all of them at once.
ABOUT_THEM = (
    *("work_item", "WorkItem", "note", "Note"),
    *("belongs_to_no", "exactly_one_flow", "is_looked_at", "declare", "done_again"),
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Tree:
    return Tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def written(tree) -> set[str]:
    """Scaffold the domain, and an operation without a table; return the new files."""
    before = tree.files()
    for arguments in (
        ("record", "workItems", *FIELDS),
        ("notes", "renameNote", "--method", "patch", "--path", "/api/v1/notes/{noteId}"),
    ):
        done = tree.run("accord", "new", *arguments)
        assert done.returncode == 0, done.stderr
    return tree.files() - before


def test_a_record_is_a_contract_flows_nouns_a_migration_and_tests(written):
    of_records = {name for name in written if "note" not in name}
    [migration] = [name for name in of_records if "migrations" in name]

    assert migration.endswith("_pre_work_items.py")
    assert of_records - {migration} == {
        "openapi/domains/work_items.yaml",
        *(
            f"src/accord/flows/work_items/{n}.py"
            for n in ("__init__", "tables", "queries", "records", "rules", "serializers")
        ),
        *(f"src/accord/flows/work_items/{name}.py" for name in OPERATIONS),
        *(f"tests/flows/work_items/test_{name}.py" for name in OPERATIONS),
        "tests/flows/work_items/samples.py",
    }


def test_the_style_and_the_contract_are_in_order(tree, written):
    python = sorted(name for name in written if name.endswith(".py"))

    checks = [
        tree.run("ruff", "check", *python),
        tree.run("ruff", "format", "--check", *python),
        tree.run("accord", "contract", "verify"),
        tree.run("accord", "contract", "lint"),
    ]

    assert [check.stdout + check.stderr for check in checks if check.returncode] == []


def test_the_types_are_in_order(tree, written):
    project = Path(tree.folder, "pyproject.toml")
    flows = sorted({str(Path(name).parent) for name in written if name.startswith("src/accord/flows")})
    all_of_it = 'include = ["src", "noxfile.py"]'
    assert all_of_it in project.read_text()
    project.write_text(project.read_text().replace(all_of_it, f"include = {flows}".replace("'", '"')))

    done = tree.run("pyright", "-p", ".", "--pythonpath", sys.executable, PYRIGHT_PYTHON_GLOBAL_NODE="0")

    assert done.returncode == 0, done.stdout + done.stderr


TIMES = """
from uuid import uuid4

from flows.work_items import samples

SENT = {
    "2026-03-01T10:30:00.5+01:00": "2026-03-01T09:30:00.500000Z",
    "2026-03-01t09:30:00z": "2026-03-01T09:30:00.000000Z",
    "2026-03-01T09:30:00.123Z": "2026-03-01T09:30:00.123000Z",
    "2026-03-01T09:30:00.123456789-00:00": "2026-03-01T09:30:00.123456Z",
    "2016-12-31T15:59:60-08:00": "2017-01-01T00:00:00.000000Z",
}


async def test_a_time_in_any_form_is_kept_in_one_and_journaled_so(given):
    me = await given.an_account()
    for sent, kept in SENT.items():
        item = await samples.work_item(me, startsAt=sent)
        path = f"/api/v1/work-items/{item['id']}"
        other = await samples.work_item(me)
        changed = await me.patch(f"/api/v1/work-items/{other['id']}", expectedVersion=1, startsAt=sent)
        new = {"op": "create", "table": "work_items", "id": str(uuid4()), "record": {
            "title": "New", "state": "open", "order": 1, "startsAt": sent}}
        operations = [{"op": "set", "table": "work_items", "id": item["id"], "path": "startsAt", "value": sent}, new]
        done = await me.post("/api/v1/transactions", transactionId=item["id"], operations=operations)
        assert done.status_code == 200, done.text
        records = done.json()["records"]["work_items"]
        found = [item, changed.json(), records[item["id"]], records[new["id"]], (await me.get(path)).json()]
        assert [record["startsAt"] for record in found] == [kept] * 5
        assert [e["fields"]["starts_at"] for e in await given.entries(changed)] == [kept]


async def test_a_malformed_time_is_refused_in_transactions_too(given):
    me = await given.an_account()
    item = await samples.work_item(me)
    for bad in ("2026-03-01T24:00:00Z", "2026-03-01", "now", "2026-03-01T09:30:00", 5, None):
        change = {"op": "set", "table": "work_items", "id": item["id"], "path": "startsAt", "value": bad}
        response = await me.post("/api/v1/transactions", transactionId=item["id"], operations=[change])
        assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR"), bad
"""


@pytest.mark.usefixtures("written")
def test_the_tests_of_a_new_record_and_of_every_operation_pass(tree):
    # In a folder of its own: by making one beside those of other runs, pytest closes theirs to other accounts.
    options = ("-q", "-p", "no:cacheprovider", f"--basetemp={tree.folder.with_name('work-items')}")
    # Only a record that has a time can show what becomes of one.
    Path(tree.folder, "tests/contract/test_times_of_work_item.py").write_text(TIMES)
    chosen = (
        "tests/flows/work_items",
        "tests/flows/notes",
        "tests/contract/test_times_of_work_item.py",
        *GENERIC,
        "-k",
        " or ".join(ABOUT_THEM),
    )

    done = tree.run("pytest", *chosen, *options)

    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
