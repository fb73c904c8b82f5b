"""Every metric, setting, permission, role and extension has its place in the docs, and the docs name no other."""

import ast
import re
from pathlib import Path

import httpx
from markdown_tables import codes, section, table

from accord.contract import bundle
from accord.contract.roles import PERMISSIONS, ROLES
from accord.security.permissions import allows, permissions_of
from accord.settings import Settings

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"


def test_every_metric_is_explained_and_every_explained_metric_is_served(service):
    rows = table(section(DOCS / "guides" / "operating.md", "## Metrics"))
    explained = {name for row in rows for name in codes(row[0])}

    served = httpx.get(f"{service.url}/metrics", timeout=60).text
    # When a counter was made, prometheus_client tells in a gauge of its own.
    names = {name for name in re.findall(r"^# TYPE (accord_\w+) ", served, re.MULTILINE) if "_created" not in name}

    assert names == explained, "Correct the table in docs/guides/operating.md."


def test_every_setting_is_in_the_reference():
    rows = table((DOCS / "settings.md").read_text("utf-8"))

    assert [name for row in rows for name in codes(row[0])] == [name.upper() for name in Settings.model_fields]


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
    parsed = (ast.parse(file.read_text("utf-8")) for file in (REPOSITORY / "src" / "accord").rglob("*.py"))
    texts = {node.value for tree in parsed for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    read = {text for text in texts if isinstance(text, str) and re.fullmatch(r"x-[a-z-]+[a-z]", text)}

    assert used - explained == set(), "Describe it in openapi/extensions.schema.json."
    # The merge adds the domain to each operation; the page says so above its tables.
    assert read - explained == {"x-domain"}
    assert "`x-domain`" in page
