"""I-5: schemathesis holds a running service to every sentence of the contract, with all checks in all phases.

It runs as its own program, against a service of its own: what it creates, changes and deletes is nobody else's.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from contract_operations import OPERATIONS
from given import details
from running import ROOT_EMAIL, ROOT_PASSWORD, Service

from accord.security.permissions import allows, permissions_of

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
HOOKS = Path(__file__).parents[1] / "support"
# It does in a minute what people do in years; passwords are not what it is to find weak.
ENVIRONMENT = {
    "RATE_LIMIT_ENABLED": "false",
    "LOCKOUT_ATTEMPTS": "1000",
    "MAX_SESSIONS": "1000",
    "ARGON2_MEMORY_KIB": "64",
    "ARGON2_TIME_COST": "1",
}


@pytest.fixture(scope="module")
def playground() -> Iterator[Service]:
    """A service of its own, in a folder that other runs of pytest do not close to PostgreSQL's account."""
    with tempfile.TemporaryDirectory(prefix="accord-playground-") as folder:
        service = Service(Path(folder), os.environ.get("FLOW_TRANSPORT", "local"), **ENVIRONMENT)
        try:
            service.seed_root()
            yield service.start()
        finally:
            service.stop()


def accounts(service: Service) -> dict[str, dict[str, str]]:
    """Register two customers; return the credentials of both, and those of root."""
    found = {"root": {"email": ROOT_EMAIL, "password": ROOT_PASSWORD}}
    for name in ("carol", "dave"):
        account = details(email=f"{name}@example.com")
        assert httpx.post(f"{service.url}/api/v1/auth/register", json=account, timeout=60).status_code == 201
        found[name] = {field: account[field] for field in ("email", "password")}
    return found


def ids(service: Service, credentials: dict[str, dict[str, str]]) -> list[str]:
    path = f"{service.url}/api/v1/auth/login"
    responses = [httpx.post(path, json=login, timeout=60) for login in credentials.values()]
    return [response.json()["user"]["id"] for response in responses]


def identity(name: str, login: dict[str, str]) -> dict:
    """Return an account as the Web Fuzzing Commons describe it: how to sign in, and where the token goes."""
    return {
        "name": name,
        "loginEndpointAuth": {
            "endpoint": "/api/v1/auth/login",
            "verb": "POST",
            "contentType": "application/json",
            "payloadRaw": json.dumps(login),
            "token": {
                "extractFrom": "body",
                "extractSelector": "/accessToken",
                "sendIn": "header",
                "sendName": "Authorization",
                "sendTemplate": "Bearer {token}",
            },
        },
    }


def for_administrators() -> dict[str, str]:
    """Return `root` for every operation on what customers may not administer: one account sees what it made."""
    beyond = [o for o in OPERATIONS if o.permission and not allows(permissions_of("customer"), o.permission)]
    collections = {"/".join(operation.path.split("/")[:4]) for operation in beyond}
    chosen = [o for o in OPERATIONS if "/".join(o.path.split("/")[:4]) in collections]
    return {f"{operation.method} {operation.path}": "root" for operation in chosen}


def schemathesis(
    service: Service, folder: Path, *arguments: str, timeout_seconds: float
) -> subprocess.CompletedProcess[str]:
    credentials = accounts(service)
    document = {"auth": [identity(name, credentials[name]) for name in ("carol", "root", "dave")]}
    (folder / "identities.json").write_text(json.dumps(document))
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION)]
    command += ["run", f"{service.url}/openapi.json", "--checks", "all", "--no-color", *arguments]
    environment = {
        "PYTHONPATH": str(HOOKS),
        "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
        "IDENTITIES": json.dumps(for_administrators()),
        "PROTECTED": json.dumps(ids(service, credentials)),
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )
    print(done.stdout[done.stdout.find(" SUMMARY ") :])  # noqa: T201 - `pytest -s` shows it
    return done


def report(done: subprocess.CompletedProcess[str]) -> str:
    return "\n".join(line[:500] for line in (done.stdout + done.stderr).splitlines())


def faults(service: Service) -> list[str]:
    """Return what the service logged of its own faults."""
    return [line[:2000] for line in service.logs.splitlines() if '"level":"error"' in line or '"status":5' in line]


def test_the_service_does_what_the_contract_says(playground, tmp_path):
    done = schemathesis(playground, tmp_path, "--max-examples=10", "--seed=1", timeout_seconds=900)

    assert done.returncode == 0, report(done)
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in done.stdout, report(done)
    assert faults(playground) == []


@pytest.mark.fuzz
def test_the_service_holds_the_contract_for_many_random_requests(playground, tmp_path):
    seed = random.randrange(2**32)

    done = schemathesis(playground, tmp_path, "--max-examples=200", f"--seed={seed}", timeout_seconds=3000)

    assert done.returncode == 0, report(done)
    assert faults(playground) == []
