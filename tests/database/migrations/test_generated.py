"""The migration that Alembic writes for the declared tables runs as written."""

import shutil

from alembic import command
from alembic.config import Config
from database.migrations.conftest import connected
from processes import once

from accord.database.migrations import runner

pytestmark = once


def test_a_generated_migration_runs_and_makes_the_tables_that_are_declared(empty, tmp_path):
    folder = tmp_path / "migrations"
    shutil.copytree(runner.VERSIONS.parent, folder, ignore=shutil.ignore_patterns("[0-9]*.py", "__pycache__"))
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s")

    with connected(empty) as connection:
        config.attributes["connection"] = connection
        command.revision(config, "All tables", autogenerate=True, rev_id="0001_pre_all")
    with connected(empty) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    assert runner.differences(empty) == []
    assert "import TransactionId" in (folder / "versions" / "0001_pre_all.py").read_text("utf-8")
