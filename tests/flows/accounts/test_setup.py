import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from given import details
from running import Service


@asynccontextmanager
async def setup_token(given) -> AsyncIterator[str]:
    """A token as the first start offers it; the root accounts made with it are gone afterwards."""
    token = os.urandom(32).hex()
    await given.sql(
        "INSERT INTO accord.setup_tokens (token_hash, created_at) VALUES (%s, now())",
        hashlib.sha256(token.encode()).digest(),
    )
    try:
        yield token
    finally:
        await given.sql("DELETE FROM accord.setup_tokens")
        await given.sql(
            "UPDATE accord.users SET deleted_at = now() WHERE role = 'root' AND email <> 'root@example.com'"
        )


async def test_the_token_creates_the_root_account_once(given):
    body, http = details(), await given.somebody()
    async with setup_token(given) as token:
        created = await http.post("/api/v1/setup", json=body | {"setupToken": token})
        again = await http.post("/api/v1/setup", json=details(setupToken=token))

        root = created.json()
        assert (created.status_code, root["role"], root["createdBy"], root["version"]) == (201, "root", None, 1)
        assert (again.status_code, again.json()["code"]) == (401, "INVALID_CREDENTIALS")
        assert (await (await given.signed_in(body["email"])).get("/api/v1/users")).status_code == 200
        [entry] = await given.entries(created)
        assert (entry["kind"], entry["actor_id"], entry["record_id"]) == ("created", root["id"], root["id"])
        assert token not in str(entry)


async def test_a_wrong_token_is_refused_before_anything_else_is_judged(given):
    http = await given.somebody()

    response = await http.post("/api/v1/setup", json=details(setupToken="wrong", password="password1"))

    assert (response.status_code, response.json()["code"]) == (401, "INVALID_CREDENTIALS")


async def test_a_rejected_setup_does_not_use_the_token_up(given):
    somebody, http = await given.an_account(), await given.somebody()
    async with setup_token(given) as token:
        weak = await http.post("/api/v1/setup", json=details(setupToken=token, password="password1"))
        taken = await http.post("/api/v1/setup", json=details(setupToken=token, email=somebody.email))
        done = await http.post("/api/v1/setup", json=details(setupToken=token))

        assert [response.status_code for response in (weak, taken, done)] == [422, 409, 201]


@pytest.fixture
def fresh():
    """A service of its own that nobody has set up."""
    # Not below pytest's own folder: a second run by root closes that to PostgreSQL's account while it is in use.
    with tempfile.TemporaryDirectory(prefix="accord-fresh-") as folder:
        service = Service(Path(folder))
        yield service
        service.stop()


def test_each_start_without_a_root_account_prints_the_one_token_that_works(fresh):
    first = fresh.run("first", "serve", "--port", "0")
    forgotten = first.wait_for(r"setup token +(\S+)")
    first.stop()
    second = fresh.run("second", "serve", "--port", "0")
    token, url = second.wait_for(r"setup token +(\S+)"), second.wait_for(r"listens on (\S+)")

    response = httpx.post(f"{url}/api/v1/setup", json=details(setupToken=forgotten), timeout=30)
    assert response.status_code == 401
    # Whoever seeds the root account does not leave the printed token behind.
    fresh.seed_root()
    response = httpx.post(f"{url}/api/v1/setup", json=details(setupToken=token), timeout=30)
    assert (response.status_code, response.json()["code"]) == (401, "INVALID_CREDENTIALS")


def test_with_a_root_account_no_token_is_printed(service):
    assert "listens on" in service.logs
    assert "setup token" not in service.logs
