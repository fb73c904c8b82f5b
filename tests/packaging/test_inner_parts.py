"""docs/inner-parts.md lists every file that overrides or uses inner parts of uvicorn, nats-py, psycopg or Python."""

import ast
import importlib
import inspect
import re
import tomllib
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "accord"
LIBRARIES = ("uvicorn.", "nats.", "psycopg.", "psycopg_pool.")
INNER_MODULES = ("uvicorn.protocols.", "psycopg.generators", "psycopg.waiting")
PUBLIC = {"_make", "_asdict", "_replace", "_fields", "_exit"}
"""Names with an underscore that Python documents: those of named tuples, and `os._exit`."""
NOT_IMPORTED = {"__main__.py", "env.py"}
"""Files that do something when they are imported."""


class Row(NamedTuple):
    file: str
    relies_on: str
    gain: str
    bound: str
    tests: list[str]


@cache
def register() -> dict[str, Row]:
    text = (ROOT / "docs" / "inner-parts.md").read_text("utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:3] == "| `"]
    found = [
        Row(file.strip(" `"), relies_on, gain, bound.strip("`"), re.findall(r"`([^`]+)`", tests))
        for file, relies_on, gain, bound, tests in rows
    ]
    return {row.file: row for row in found}


@cache
def private_names() -> frozenset[str]:
    """Return the names with an underscore that our own classes, functions and attributes have."""
    trees = [ast.parse(file.read_text("utf-8")) for file in SOURCE.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    stored = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    named = {node.target.id for node in nodes if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}
    return frozenset(defined | stored | named)


def module_of(file: Path) -> Any:
    parts = file.relative_to(SOURCE.parent).with_suffix("").parts
    with warnings.catch_warnings(action="ignore"):  # Connexion imports a client for tests, which warns.
        return importlib.import_module(".".join(parts).removesuffix(".__init__"))


def overrides(file: Path) -> Iterator[str]:
    """Yield the methods of libraries that the classes of a file override."""
    for name, kind in vars(module_of(file)).items():
        if inspect.isclass(kind) and kind.__module__ == module_of(file).__name__:
            for base in kind.__mro__[1:]:
                if f"{base.__module__}.".startswith(LIBRARIES):
                    yield from (f"{name}.{m}" for m in vars(kind) if m in vars(base) and not m.startswith("__"))


def inner_names(file: Path) -> Iterator[str]:
    """Yield the names that a file uses and that no library promises to keep."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and re.match(r"_(?!_)", node.attr):
            if node.attr not in PUBLIC | private_names():
                yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in names if f"{name}.".startswith(INNER_MODULES))


def uses(file: Path) -> list[str]:
    return [*inner_names(file), *overrides(file)]


FILES = sorted(
    file.relative_to(SOURCE).as_posix()
    for file in SOURCE.rglob("*.py")
    if file.name not in NOT_IMPORTED and "versions" not in file.parts
)


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_uses_inner_parts_is_in_the_register(file):
    used = uses(SOURCE / file)

    assert bool(used) == (file in register()), used


@pytest.mark.parametrize("row", register().values(), ids=register())
def test_a_row_names_its_gain_and_tests_that_exist(row):
    assert row.relies_on
    assert row.gain
    assert row.tests
    assert [test for test in row.tests if not (ROOT / test).is_file()] == []


@pytest.mark.parametrize("bound", sorted({row.bound for row in register().values()}))
def test_the_package_has_the_bound_that_the_register_names(bound):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    required = [*project["dependencies"], f"python{project['requires-python']}"]
    library, limit = bound.split("<")
    [found] = [one for one in required if re.match(rf"{library}[\[<>=]", one)]

    assert found.split(",")[-1] == f"<{limit}"
