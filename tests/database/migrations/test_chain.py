"""O-9: what every migration must be able to do."""

import re

import psycopg
from alembic.script import ScriptDirectory
from processes import once

from accord.database.migrations import runner

pytestmark = once
# Everything that a migration can leave behind, in an order that does not depend on it.
CATALOGUE = """
SELECT 'column', table_name, column_name, data_type, is_nullable, coalesce(column_default, '')
FROM information_schema.columns WHERE table_schema = 'accord' AND table_name <> 'alembic_version'
UNION ALL SELECT 'index', tablename, indexname, indexdef, '', '' FROM pg_indexes
WHERE schemaname = 'accord' AND tablename <> 'alembic_version'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '' FROM pg_constraint
WHERE connamespace = 'accord'::regnamespace AND conrelid::regclass::text <> 'accord.alembic_version'
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), '', '' FROM pg_trigger
WHERE NOT tgisinternal
UNION ALL SELECT 'function', proname, prosrc, '', '', '' FROM pg_proc WHERE pronamespace = 'accord'::regnamespace
UNION ALL SELECT 'type', typname, '', '', '', '' FROM pg_type
WHERE typnamespace = 'accord'::regnamespace AND typtype IN ('e', 'd')
UNION ALL SELECT 'sequence', sequencename, '', '', '', '' FROM pg_sequences WHERE schemaname = 'accord'
"""


def scripts() -> ScriptDirectory:
    return ScriptDirectory(str(runner.VERSIONS.parent), version_locations=[str(runner.VERSIONS)])


def revisions() -> list[str]:
    return [script.revision for script in reversed(list(scripts().walk_revisions()))]


def catalogue(url: str) -> set[tuple[str, ...]]:
    with psycopg.connect(url, options="-c search_path=public") as connection:
        if connection.execute("SELECT to_regnamespace('accord')").fetchone() == (None,):
            return set()
        return set(connection.execute(CATALOGUE).fetchall())


def test_files_are_named_by_number_and_kind_and_form_one_chain():
    names = sorted(file.stem for file in runner.VERSIONS.glob("*.py"))

    assert [name for name in names if not re.fullmatch(r"\d{4}_(pre|post)_[a-z0-9_]+", name)] == []
    assert [name for name in names if len(name) > 32] == []  # as wide as Alembic's column is
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    assert revisions() == names
    assert runner.head() == names[-1]


def test_a_downgrade_undoes_exactly_its_upgrade(empty, alembic):
    before = [catalogue(empty)]
    for revision in revisions():
        alembic(empty, "upgrade", revision)
        before.append(catalogue(empty))
        alembic(empty, "downgrade", "-1")
        assert catalogue(empty) == before[-2], f"{revision} does not undo what it does"
        alembic(empty, "upgrade", revision)
        assert catalogue(empty) == before[-1]

    alembic(empty, "downgrade", "base")

    assert catalogue(empty) == before[0]
    assert runner.current(empty) is None
