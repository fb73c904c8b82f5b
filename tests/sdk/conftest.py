"""The SDKs against the running service; each client has a network address of its own."""

import json
import time
from contextlib import AsyncExitStack

import attrs
import pytest
from accord_client import AsyncAccord, MemoryTokens, Tokens
from checked_client import new_address
from cutting_proxy import cutting_proxy
from flows.jobs.samples import a_job
from given import PASSWORD


class Person:
    """An account, its clients, and the store of its session."""

    def __init__(self, given, stack, account, url) -> None:
        self.given = given
        self.account = account
        self.email = account.email
        self.id = account.user["id"]
        self.tokens = MemoryTokens()
        self._stack = stack
        self._url = url

    def sign_in(self) -> None:
        """Have the session that the test's account began."""
        self.tokens.save(tokens_of(self.account))

    async def client(self, url=None, tokens=None, **options) -> AsyncAccord:
        headers = {"X-Forwarded-For": new_address()}
        tokens = tokens or self.tokens
        accord = AsyncAccord(url or self._url, tokens=tokens, headers=headers, **options)
        return await self._stack.enter_async_context(accord)

    def expire(self, **changes) -> None:
        """Make the access token look expired, or otherwise."""
        self.tokens.save(attrs.evolve(self.tokens.load(), **(changes or {"expires_at": time.time() - 1})))

    async def refreshes(self) -> int:
        """Return how many refreshes of this account's sessions the journal has."""
        [[count]] = await self.given.sql(
            "SELECT count(*) FROM accord.journal WHERE actor_id = %s AND fields ->> 'event' = 'refreshed'", self.id
        )
        return count


def tokens_of(account) -> Tokens:
    signed_in = account.tokens
    lifetime = signed_in["expiresIn"]
    return Tokens(signed_in["accessToken"], signed_in["refreshToken"], time.time() + lifetime, lifetime)


@pytest.fixture
async def person(given, service):
    """Make a person, signed in: `ada = await person()`; `await ada.client()` is one of their clients."""
    async with AsyncExitStack() as stack:

        async def make(url=None) -> Person:
            made = Person(given, stack, await given.an_account(), url or service.url)
            made.sign_in()
            return made

        yield make


@pytest.fixture
async def proxy(service):
    """A proxy before the service that cuts connections."""
    async with cutting_proxy(service.url) as running:
        yield running


@pytest.fixture
def password() -> str:
    return PASSWORD


@pytest.fixture
async def scenario_environment(given, service) -> dict[str, str]:
    """What the programs that run the scenarios need: the service, and jobs of an account, which no operation makes."""
    owner, operator = await given.an_account(), await given.an_admin()
    task = {"task": "deleteExpiredTickets", "queue": "default", "owner_id": owner.id}
    accounts = {
        name: {"id": one.id, "email": one.email, "password": PASSWORD}
        for name, one in {"owner": owner, "operator": operator}.items()
    }
    jobs = {name: await a_job(given, **task) for name in ("waiting", "followed")}
    problem = {"title": "Not permitted", "status": 403, "detail": "Ask.", "code": "FORBIDDEN", "requestId": "test"}
    problem |= {"type": "/problems/FORBIDDEN", "instance": "/api/v1/jobs"}
    jobs["dead"] = await a_job(given, "dead", **task, problem=problem)
    return {"ACCORD_URL": service.url, "ACCORD_GIVEN": json.dumps(accounts | jobs)}
