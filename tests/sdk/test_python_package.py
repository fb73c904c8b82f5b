"""The wheel, built and installed into an empty environment, used there against the running service."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from typescript_sdk import CLIENTS, package

CLIENT = CLIENTS / "python"
OLDEST = "3.10"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return package.wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """An empty environment with the wheel in it, of the oldest Python that is promised where there is one."""
    folder = tmp_path_factory.mktemp("environment")
    uv = shutil.which("uv")
    if uv is None:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", wheel]
    else:
        oldest = [uv, "venv", "--quiet", "--no-python-downloads", "--python", OLDEST, folder]
        if subprocess.run(oldest, capture_output=True, check=False).returncode:
            subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", wheel]
    subprocess.run(install, check=True)
    return folder


def test_the_wheel_has_the_package_and_its_types(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    sources = CLIENT / "src" / "accord_client"
    files = [file for file in sources.rglob("*") if file.is_file() and "__pycache__" not in file.parts]

    assert {file.relative_to(CLIENT / "src").as_posix() for file in files} <= set(names)
    assert "accord_client/py.typed" in names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"accord_client"}


def test_the_package_has_five_dependencies_at_most(environment):
    metadata = next((environment / "lib").glob("python*/site-packages/accord_client-*.dist-info/METADATA"))
    needed = [line for line in metadata.read_text("utf-8").splitlines() if line.startswith("Requires-Dist:")]

    assert len(needed) <= 5
    assert "Requires-Python: >=3.10" in metadata.read_text("utf-8")


def test_the_installed_wheel_passes_every_scenario(environment, scenario_environment, tmp_path):
    (tmp_path / "python").mkdir()
    shutil.copy(CLIENT / "conformance.py", tmp_path / "python")
    shutil.copy(CLIENTS / "conformance.json", tmp_path)

    done = subprocess.run(
        [environment / "bin" / "python", "-I", tmp_path / "python" / "conformance.py"],
        env={**scenario_environment, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(" 0 failed")
