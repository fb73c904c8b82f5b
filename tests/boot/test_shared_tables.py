"""A table is declared once, and other domains import it: a new field of User needs no edit where login reads it."""

import os
import subprocess
import sys
from pathlib import Path

from source_copies import copy_sources

SHOW = """
from accord.flows.auth import queries
statements = [queries._FIND_ACCOUNT, queries._FIND_ACCOUNT_BY_ID, queries._TAKE_ACTIVE_ACCOUNT]
print(all(b"users.nickname" in statement.sql for statement in statements))
"""


def run(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_new_field_of_user_is_read_by_signing_in_without_an_edit_in_auth(tmp_path):
    copy_sources(tmp_path, "src", "openapi")
    tables = tmp_path / "src" / "accord" / "flows" / "accounts" / "tables.py"
    text = tables.read_text()
    column, field = '    timestamp("email_verified_at", nullable=True),\n', "    email_verified_at: datetime | None\n"
    assert column in text
    assert field in text
    tables.write_text(text.replace(column, f'    Column("nickname", Text),\n{column}'))

    refused = run(tmp_path / "src", SHOW)
    tables.write_text(tables.read_text().replace(field, f"    nickname: str | None\n{field}"))
    shown = run(tmp_path / "src", SHOW)

    assert "UserRow has the fields" in refused.stderr
    assert (shown.stdout, shown.stderr) == ("True\n", "")
