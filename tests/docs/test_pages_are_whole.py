"""Every metric, setting, permission, role and extension has its place in the docs, and the docs name no other."""

import ast
import re
from pathlib import Path

import httpx
from markdown_tables import codes, section, table

from accord.contract import bundle
from accord.contract.operations import operations
from accord.contract.roles import PERMISSIONS, ROLES
from accord.security.permissions import allows, permissions_of
from accord.settings import Settings

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
TREES = [ast.parse(file.read_text("utf-8")) for file in (REPOSITORY / "src" / "accord").rglob("*.py")]
NODES = [node for tree in TREES for node in ast.walk(tree)]
COUNTED = ("Counter", "CounterMetricFamily")
THE_SYSTEMS = {"PATH"}


def text_of(node):
    """Return the text of a literal, or None."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def declared_metrics():
    """Return the metrics of the source as the page writes them, with their labels."""
    for node in NODES:
        name = text_of(node.args[0]) if isinstance(node, ast.Call) and node.args else None
        if name and name.startswith("accord_"):
            lists = [
                value for value in [*node.args, *(one.value for one in node.keywords)] if isinstance(value, ast.List)
            ]
            labels = [text_of(label) for one in lists for label in one.elts]
            yield name + "_total" * (ast.unparse(node.func) in COUNTED), " and ".join(labels)


def test_every_metric_is_explained_and_every_explained_metric_is_served(service):
    rows = table(section(DOCS / "guides" / "operating.md", "## Metrics"))
    explained = {name for row in rows for name in codes(row[0])}

    served = httpx.get(f"{service.url}/metrics", timeout=60).text
    # When a counter was made, prometheus_client tells in a gauge of its own.
    names = {name for name in re.findall(r"^# TYPE (accord_\w+) ", served, re.MULTILINE) if "_created" not in name}

    assert names == explained, "Correct the table in docs/guides/operating.md."


def test_every_metric_of_any_process_is_explained_with_its_labels():
    page = section(DOCS / "guides" / "operating.md", "## Metrics")
    explained = re.findall(r"`(accord_\w+)`(?: \(by ([\w ]+)\))?", "".join(row[0] for row in table(page)))

    assert sorted(explained) == sorted(declared_metrics()), "Correct the table in docs/guides/operating.md."


def test_every_page_names_only_metrics_that_exist():
    known = {name for name, _ in declared_metrics()}
    named = {name for page in DOCS.rglob("*.md") for name in re.findall(r"`(accord_\w+)`", page.read_text("utf-8"))}

    assert named == known


def test_every_setting_is_in_the_reference():
    rows = table((DOCS / "settings.md").read_text("utf-8"))

    assert [name for row in rows for name in codes(row[0])] == [name.upper() for name in Settings.model_fields]


def test_every_variable_that_the_code_reads_is_a_setting_or_in_a_guide():
    read = {ast.unparse(node) for node in NODES if isinstance(node, ast.Call | ast.Subscript)}
    names = {name for text in read for name in re.findall(r"environ(?:\.get\(|\[)'(\w+)'", text)}
    guides = "".join(page.read_text("utf-8") for page in (DOCS / "guides").glob("*.md"))
    told = set(re.findall(r"\b[A-Z_]+\b", guides))

    assert "ROOT_PASSWORD" in names
    assert names - told - THE_SYSTEMS - {name.upper() for name in Settings.model_fields} == set()


def test_every_permission_is_needed_by_an_operation_or_a_flow():
    of_operations = {operation.permission for operation in operations(bundle.load())}
    of_flows = {
        text_of(argument)
        for node in NODES
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "may"
        for argument in node.args
    }

    assert PERMISSIONS - of_operations - of_flows == set(), "Take it out of src/accord/contract/roles.py."


def test_every_permission_and_role_is_on_its_page():
    page = section(DOCS / "permissions.md", "## Roles")
    rows = [(codes(name)[0], [bool(cell) for cell in has]) for name, *has in table(page)]

    assert codes(page.strip().splitlines()[0]) == list(ROLES)
    assert {name for name, _ in rows} == PERMISSIONS
    for name, has in rows:
        assert has == [allows(permissions_of(role), name) for role in ROLES], name


def test_every_role_of_the_contract_has_permissions():
    assert set(bundle.load()["components"]["schemas"]["Role"]["enum"]) == set(ROLES)


def test_every_permission_that_the_code_asks_for_can_be_had():
    asked = {
        (file.name, name)
        for file in (REPOSITORY / "src" / "accord").rglob("*.py")
        for name in re.findall(r"\.may\(\"([^\"]+)\"\)", file.read_text("utf-8"))
    }

    assert asked
    assert {(file, name) for file, name in asked if name not in PERMISSIONS} == set()


def test_every_extension_that_the_contract_has_and_the_code_reads_is_on_its_page():
    page = (DOCS / "extensions.md").read_text("utf-8")
    explained = set(re.findall(r"^### (x-[a-z-]+)$", page, re.MULTILINE))
    authored = [REPOSITORY / "openapi" / "openapi.yaml", *(REPOSITORY / "openapi" / "domains").glob("*.yaml")]
    used = {name for file in authored for name in re.findall(r"\b(x-[a-z-]+):", file.read_text("utf-8"))}
    read = {text for text in map(text_of, NODES) if text and re.fullmatch(r"x-[a-z-]+[a-z]", text)}

    assert used - explained == set(), "Describe it in openapi/extensions.schema.json."
    assert explained - used - read == set(), "Take it out of openapi/extensions.schema.json."
    # The merge adds the domain to each operation; the page says so above its tables.
    assert read - explained == {"x-domain"}
    assert "`x-domain`" in page
