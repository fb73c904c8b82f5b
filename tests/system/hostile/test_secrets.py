"""I-7: a password, a token and a cookie are in no log line, error, journal entry or metric, whatever happens."""

import json
import os

import httpx
import psycopg
import pytest
from given import details
from log_lines import logged
from raw_http import exchanged, request


def canary(kind: str) -> str:
    return f"{kind}-{os.urandom(16).hex()}"


async def everything(service, url: str, given) -> str:
    """Return all that operators see: logs, metrics and every row of the journal."""
    last = await exchanged(url, request("GET", "/livez"))
    await logged(service, last.headers["x-request-id"])
    async with httpx.AsyncClient(base_url=url, timeout=30) as here:
        metrics = (await here.get("/metrics")).text
    journal = await given.sql("SELECT row_to_json(j)::text FROM accord.journal j")
    assert len(journal) > 0
    return service.logs + metrics + "".join(row[0] for row in journal)


@pytest.fixture
def secrets() -> dict[str, str]:
    return {kind: canary(kind) for kind in ("password", "token", "cookie", "setup")}


async def spread(given, url: str, secrets: dict[str, str]) -> list[str]:
    """Put the secrets everywhere that clients may put them, rightly or wrongly; return the responses."""
    headers = {"Authorization": f"Bearer {secrets['token']}", "Cookie": f"session={secrets['cookie']}"}
    account = details(password=secrets["password"])
    login = {"email": account["email"], "password": secrets["password"]}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as http:
        sent = [
            await http.post("/api/v1/auth/register", json=account),
            await http.post("/api/v1/auth/register", json=account),
            await http.post("/api/v1/auth/register", json=account | {"firstName": 1}),
            await http.post("/api/v1/auth/register", json=account | {"password": [secrets["password"]]}),
            await http.post("/api/v1/auth/login", json=login | {"email": "nobody@example.com"}),
            await http.post("/api/v1/auth/login", json=login | {"unknown": secrets["password"]}),
            await http.post("/api/v1/auth/login", content=json.dumps(login)[:-1]),
            await http.post("/api/v1/auth/login", data=login),
            await http.post("/api/v1/auth/refresh", json={"refreshToken": secrets["token"]}),
            await http.post("/api/v1/auth/logout", json={"refreshToken": secrets["token"]}),
            await http.post("/api/v1/setup", json=account | {"setupToken": secrets["setup"]}),
            await http.get("/api/v1/me"),
            await http.get("/api/v1/auth/session"),
            await http.get("/api/v1/users", params={"token": secrets["token"], "password": secrets["password"]}),
            await http.get("/nowhere", params={"access_token": secrets["token"]}),
            await http.get("/api/v1/me", headers={"Authorization": f"Basic {secrets['token']}"}),
            await http.get("/api/v1/me", headers={"X-Request-Id": f"a {secrets['token']}"}),
        ]
        signed_in = (await http.post("/api/v1/auth/login", json=login)).json()
    me = await given.signed_in(account["email"], secrets["password"])
    secrets |= {"access": signed_in["accessToken"], "refresh": signed_in["refreshToken"]}
    secrets |= {"access of another": me.tokens["accessToken"]}
    refreshed = await me.post("/api/v1/auth/refresh", refreshToken=secrets["refresh"])
    again = await me.post("/api/v1/auth/refresh", refreshToken="x" + secrets["refresh"])
    secrets["next"] = refreshed.json()["refreshToken"]
    return [response.text for response in (*sent, again)]


async def test_secrets_are_in_no_response_log_or_journal_entry(service, url, given, secrets):
    responses = await spread(given, url, secrets)

    seen = "".join(responses) + await everything(service, url, given)
    assert [kind for kind, secret in secrets.items() if secret in seen] == []


@pytest.mark.usefixtures("faults_are_expected")
async def test_secrets_are_not_in_the_log_of_a_fault(service, given, secrets):
    account = details(password=secrets["password"])
    headers = {"Authorization": f"Bearer {secrets['token']}", "Cookie": secrets["cookie"]}
    nobody = await given.somebody(**headers)
    async with await psycopg.AsyncConnection.connect(service.database_url, autocommit=True) as connection:
        await connection.execute("ALTER TABLE accord.users RENAME COLUMN email_key TO email_key_away")
        try:
            registered = await nobody.post("/api/v1/auth/register", json=account)
            signed_in = await nobody.post("/api/v1/auth/login", json={n: account[n] for n in ("email", "password")})
        finally:
            await connection.execute("ALTER TABLE accord.users RENAME COLUMN email_key_away TO email_key")

    assert (registered.status_code, signed_in.status_code) == (500, 500)
    lines = await logged(service, registered.headers["x-request-id"], count=2)
    await logged(service, signed_in.headers["x-request-id"], count=2)
    assert any("email_key" in line.get("exception", "") for line in lines), "the fault itself is logged"
    assert not any(secret in service.logs + registered.text + signed_in.text for secret in secrets.values())
    assert "$argon2" not in service.logs


async def test_every_line_is_one_json_object_whatever_was_sent(service, url):
    odd = ['"', "\\", "\u2028", "\x1b[31m", "%0A%0D", "{}", "</script>", "a" * 7000, "%F0%9F%98%80", "${jndi:x}"]
    for text in odd:
        raw = request("GET", "/" + text.encode("ascii", "ignore").decode(), [("User-Agent", text.encode())])
        await exchanged(url, raw)
        await exchanged(url, request("GET", "/nowhere", [("User-Agent", text.encode())]))
    last = await exchanged(url, request("GET", "/livez"))
    await logged(service, last.headers["x-request-id"])

    for program in service.programs:
        for line in program.output().rpartition("\n")[0].splitlines():
            assert not line.startswith("{") or isinstance(json.loads(line), dict)
