"""What nox notes of a run: a commit is green when every check passed whole, on that commit, with nothing changed."""

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sessions() -> ModuleType:
    """Nox takes each of them once in a process."""
    specification = importlib.util.spec_from_file_location("noxfile_of_tests", ROOT / "noxfile.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def noxfile(sessions, tmp_path, monkeypatch) -> ModuleType:
    """The sessions at the beginning of a run, on a repository of one commit."""
    repository = tmp_path / "repository"
    repository.mkdir()
    state = {"ROOT": repository, "LAST_GREEN": tmp_path / "last-green", "_begun_at": "", "_green": set()}
    for name, value in state.items():
        monkeypatch.setattr(sessions, name, value)
    git(repository, "init", "-q")
    commit(repository)
    return sessions


def git(repository: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    done = subprocess.run(["git", *identity, *arguments], cwd=repository, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(repository: Path) -> None:
    git(repository, "commit", "-q", "--allow-empty", "-m", "Change something.")


def passed(noxfile: ModuleType, names: list[str], *posargs: str) -> None:
    for name in names:
        noxfile._passed(SimpleNamespace(name=name, posargs=list(posargs), log=print))


def test_a_run_in_which_every_check_passed_notes_its_commit(noxfile):
    checks = list(noxfile.nox.options.sessions)

    passed(noxfile, checks[:-1])
    assert not noxfile.LAST_GREEN.exists()
    passed(noxfile, checks[-1:])

    assert noxfile.LAST_GREEN.read_text() == f"{git(noxfile.ROOT, 'rev-parse', 'HEAD')} clean\n"


def test_a_check_of_a_part_is_no_green_run(noxfile):
    passed(noxfile, list(noxfile.nox.options.sessions), "tests/flows")

    assert not noxfile.LAST_GREEN.exists()


def test_checks_of_different_commits_are_no_green_run(noxfile):
    checks = list(noxfile.nox.options.sessions)

    passed(noxfile, checks[:-1])
    commit(noxfile.ROOT)
    passed(noxfile, checks[-1:])

    assert not noxfile.LAST_GREEN.exists()


def test_the_quick_session_chooses_folders_that_exist(noxfile):
    assert [name for name in (*noxfile.QUICK, *noxfile.WITHOUT_FLOWS) if not (ROOT / "tests" / name).is_dir()] == []


def test_the_folders_that_the_sessions_name_exist(sessions):
    named = {*sessions.QUICK, *sessions.WITHOUT_FLOWS, *sessions.WITHOUT_FAST_PATH}

    # pytest takes a folder that is not there for one that need not be ignored.
    assert {folder for folder in named if not (ROOT / "tests" / folder).is_dir()} == set()
