"""What tests are given: accounts that they alone have, made the way people make them, over HTTP."""

import asyncio
import itertools
import os
from contextlib import AsyncExitStack
from functools import cached_property
from typing import Any
from uuid import UUID

import httpx
import psycopg
from checked_client import client
from given_jobs import Jobs
from running import ROOT_EMAIL, ROOT_PASSWORD, Service

PASSWORD = "some words nobody guesses 9"
_numbers = itertools.count(1)


class Account:
    """A signed-in account and its own client; `me.patch("/api/v1/me", expectedVersion=1)` sends the rest as JSON."""

    def __init__(self, http: httpx.AsyncClient, given: "Given", user: dict[str, Any], tokens: dict[str, Any]) -> None:
        self.http = http
        self.given = given
        self.user = user
        self.tokens = tokens
        http.headers["authorization"] = f"Bearer {tokens['accessToken']}"

    @property
    def id(self) -> str:
        return self.user["id"]

    @property
    def email(self) -> str:
        return self.user["email"]

    async def get(self, path: str, /, headers: dict[str, str] | None = None, **query: Any) -> httpx.Response:
        return await self.http.get(path, params=query or None, headers=headers)

    async def post(self, path: str, /, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        return await self.http.post(path, json=body or None, headers=headers)

    async def patch(self, path: str, /, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        return await self.http.patch(path, json=body, headers=headers)

    async def put(self, path: str, /, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        return await self.http.put(path, json=body, headers=headers)

    async def delete(self, path: str, /, headers: dict[str, str] | None = None, **query: Any) -> httpx.Response:
        return await self.http.delete(path, params=query or None, headers=headers)

    async def journal(self) -> list[tuple[str, str, int | None]]:
        """Return what the journal has about this account's record, without its creation and its sign-ins."""
        rows = await self.given.sql(
            "SELECT record_table, record_id, record_version FROM accord.journal"
            " WHERE record_id = %s AND kind IN ('updated', 'deleted') ORDER BY id",
            self.id,
        )
        return [(table, str(record), version) for table, record, version in rows]


class Given:
    """Makes what a test starts from."""

    password = PASSWORD

    def __init__(self, service: Service, stack: AsyncExitStack) -> None:
        self.service = service
        self._stack = stack

    @cached_property
    def jobs(self) -> Jobs:
        """Jobs that the service runs."""
        return Jobs(self)

    def of(self, service: Service) -> "Given":
        """Return the same for another service; its clients are closed with the test, too."""
        return Given(service, self._stack)

    async def somebody(self, **headers: str) -> httpx.AsyncClient:
        """Return a client of its own address, not signed in."""
        return await self._stack.enter_async_context(
            client(self.service.url, self.service.database_url, headers=headers)
        )

    async def an_account(
        self,
        *,
        first_name: str = "Ada",
        last_name: str = "Lovelace",
        version: int = 1,
        email: str | None = None,
    ) -> Account:
        """Return a customer, signed in, at this version."""
        http = await self.somebody()
        body = details(email=email or new_email(), firstName=first_name, lastName=last_name)
        registered = await http.post("/api/v1/auth/register", json=body)
        assert registered.status_code == 201, registered.text
        if version != 1:
            await self.sql("UPDATE accord.users SET version = %s WHERE id = %s", version, registered.json()["id"])
        return await self.signed_in(body["email"], http=http)

    async def signed_in(self, email: str, password: str = PASSWORD, http: httpx.AsyncClient | None = None) -> Account:
        """Sign an account in, in a session of its own."""
        http = http or await self.somebody()
        response = await http.post("/api/v1/auth/login", json={"email": email, "password": password})
        assert response.status_code == 200, response.text
        return Account(http, self, response.json()["user"], response.json())

    async def failed_logins(self, email: str, times: int) -> list[int]:
        """Sign in with a wrong password, each time from another address, and return the statuses."""
        body = {"email": email, "password": "not the password"}
        return [(await (await self.somebody()).post("/api/v1/auth/login", json=body)).status_code for _ in range(times)]

    async def root(self) -> Account:
        """Return the root account, in a session of its own."""
        return await self.signed_in(ROOT_EMAIL, ROOT_PASSWORD)

    async def an_admin(self) -> Account:
        """Return an administrator of its own."""
        return await self._promoted("admin")

    async def another_root(self) -> Account:
        """Return a second root account; the test must not leave it as the only one."""
        return await self._promoted("root")

    async def _promoted(self, role: str) -> Account:
        root = await self.root()
        created = await root.post("/api/v1/users", **details(role="admin"))
        assert created.status_code == 201, created.text
        if role != "admin":
            path = f"/api/v1/users/{created.json()['id']}"
            promoted = await root.patch(path, expectedVersion=1, role=role)
            assert promoted.status_code == 200, promoted.text
        return await self.signed_in(created.json()["email"])

    async def entries(self, response: httpx.Response) -> list[dict[str, Any]]:
        """Return what the journal has of the request that got this response."""
        return await self.entries_of(response.headers["x-request-id"])

    async def entries_of(self, request_id: str) -> list[dict[str, Any]]:
        """Return what the journal has of a request, and of the jobs that it enqueued."""
        names = ("actor_kind", "actor_id", "operation", "record_table", "record_id", "record_version", "kind", "fields")
        rows = await self.sql(
            f"SELECT {', '.join(names)} FROM accord.journal WHERE request_id = %s ORDER BY id",  # noqa: S608 - the names above
            request_id,
        )
        return [dict(zip(names, (str(v) if isinstance(v, UUID) else v for v in row), strict=True)) for row in rows]

    async def lock_waiters(self, count: int) -> None:
        """Return once so many statements wait for a lock that the test holds."""
        async with asyncio.timeout(30):
            while (await self.sql("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"))[0][0] < count:
                await asyncio.sleep(0.02)

    async def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Look behind the interface, or set up what it does not let one set up."""
        async with await psycopg.AsyncConnection.connect(self.service.database_url, autocommit=True) as connection:
            cursor = await connection.execute(statement, values)
            return await cursor.fetchall() if cursor.description else []


def details(**changes: Any) -> dict[str, Any]:
    """Return what a new account needs, with an address that nobody has."""
    return {"email": new_email(), "password": PASSWORD, "firstName": "Ada", "lastName": "Lovelace"} | changes


def new_email() -> str:
    """Return an address that nobody has."""
    return f"person-{os.getpid()}-{next(_numbers)}-{os.urandom(3).hex()}@example.com"
