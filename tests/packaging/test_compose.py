"""What can be checked of the containers without an engine."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from accord import settings

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = ("migrate", "worker", "gateway")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder in which deploy/make-secrets has run."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "make-secrets", folder / "deploy")
    for _ in range(2):
        subprocess.run([folder / "deploy" / "make-secrets"], check=True)
    return folder


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_confined(service):
    properties = SERVICES[service]

    assert properties["read_only"] is True
    assert properties["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in properties["security_opt"]
    assert int(properties["user"].split(":")[0]) > 0


@pytest.mark.parametrize("service", sorted(set(SERVICES) - {"migrate"}))
def test_every_lasting_service_has_a_health_check(service):
    assert SERVICES[service]["healthcheck"]["test"][0] == "CMD"


def test_only_the_gateway_can_be_reached_from_outside_and_by_default_from_this_machine_only():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["gateway"]
    assert SERVICES["gateway"]["ports"] == ["${PUBLISH:-127.0.0.1:8080}:8080"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_images_are_pinned_to_a_full_version():
    pulled = [SERVICES[name]["image"] for name in ("postgres", "nats")]
    pulled += re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert [image for image in pulled if not re.search(r":\d+\.\d+(\.\d+)?-", image)] == []


@pytest.mark.parametrize("service", OURS)
def test_secrets_come_from_files_only(service):
    environment = SERVICES[service]["environment"]

    secret = [name for name in environment if re.search(r"(?<!PUBLIC_)URL|KEY|TOKEN|PASSWORD", name)]

    assert secret
    assert [name for name in secret if environment[name] != f"/run/secrets/{name.removesuffix('_FILE').lower()}"] == []
    assert {Path(environment[name]).name for name in secret} == set(SERVICES[service]["secrets"])


def test_every_secret_that_is_mounted_is_made(made):
    mounted = {made / secret["file"] for secret in COMPOSE["secrets"].values()}

    assert [file for file in mounted if not file.stat().st_size] == []
    assert (made / "secrets").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("service", OURS)
def test_the_settings_of_production_accept_what_the_service_gets(service, made):
    environment = {
        name: re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", value).replace("/run/secrets", str(made / "secrets"))
        for name, value in SERVICES[service]["environment"].items()
    }

    assert settings.load(environment).is_production


def test_the_image_runs_as_a_numbered_user_that_is_not_root():
    users = re.findall(r"^USER (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert users == ["10001:10001"]


def test_the_image_gets_everything_that_the_build_reads():
    let_in = (ROOT / ".dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert [path for line in copied for path in line.split() if f"!{path}" not in let_in] == []


@pytest.mark.skipif(not os.environ.get("PATH") or shutil.which("docker") is None, reason="docker is not installed")
def test_compose_itself_accepts_the_file(made):
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker has no compose plugin")
    command = [
        "docker",
        "compose",
        "-f",
        ROOT / "docker-compose.yml",
        "--project-directory",
        made,
        "config",
        "-q",
    ]

    assert subprocess.run(command, capture_output=True, text=True, check=False).stderr == ""
