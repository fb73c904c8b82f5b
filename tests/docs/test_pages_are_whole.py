"""Every metric, setting, permission, role and extension has its place in the docs, and the docs name no other."""

import re
from pathlib import Path

import httpx
from markdown import codes, section, table

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
