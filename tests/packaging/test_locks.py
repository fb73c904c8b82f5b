import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from accord.contract.tools.scaffold import NEEDED

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def _versions(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9.-]+)(?:\[.*\])?==(\S+)", text, re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_names_no_registry(lock):
    assert re.findall(r"https?://|file://|--(?:extra-)?index-url|--find-links| @ ", lock.read_text()) == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_pinned_package_has_hashes(lock):
    entries = re.split(r"\n(?=\S)", lock.read_text().rstrip())
    packages = [entry for entry in entries if not entry.startswith("#")]

    assert packages
    assert [entry for entry in packages if not re.search(r"==\S+.*\n\s+--hash=sha256:[0-9a-f]{64}", entry)] == []


def test_tests_run_on_the_versions_that_are_served():
    runtime, serve, development = (_versions(lock) for lock in ("runtime", "serve", "development"))

    assert runtime.items() <= serve.items()
    assert serve.items() <= development.items()


def test_every_dependency_is_locked_and_says_what_it_is_for():
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    requested = project["dependencies"] + [
        name for extra in project["optional-dependencies"].values() for name in extra
    ]

    locked = _versions("serve")

    assert [name for name in requested if re.match(r"[a-z0-9-]+", name)[0] not in locked] == []
    assert [name for name in requested if not re.search(re.escape(f'"{name}",') + r" +# \S", text)] == []


def test_the_dev_extra_has_the_packages_that_accord_new_needs():
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["dev"]

    served, installed = _versions("serve"), {re.match(r"[a-z0-9-]+", name)[0] for name in extra}

    assert NEEDED
    assert [name for name in NEEDED.values() if name not in served or name not in installed] == []


def test_npm_locks_name_no_registry():
    locks = list(npm_locks())

    assert locks
    assert [str(lock) for lock in locks if '"resolved"' in lock.read_text()] == []


def npm_locks() -> Iterator[Path]:
    """Find them without looking where another process may be installing packages."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name != "node_modules" and not name.startswith(".")]
        if "package-lock.json" in files:
            yield Path(folder, "package-lock.json")
