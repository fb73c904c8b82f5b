import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        return set(wheel.namelist())


def test_the_wheel_ships_the_contract(shipped):
    assert "accord/contract/bundle.json" in shipped


def test_the_wheel_ships_every_file_of_the_package(shipped):
    package = ROOT / "src" / "accord"
    files = [file for file in package.rglob("*") if file.is_file() and "__pycache__" not in file.parts]

    assert {file.relative_to(ROOT / "src").as_posix() for file in files} <= shipped


def test_the_wheel_ships_nothing_else(shipped):
    assert {name.split("/")[0] for name in shipped} - {"accord"} == {
        name.split("/")[0] for name in shipped if ".dist-info/" in name
    }
