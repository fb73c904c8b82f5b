import asyncio
from uuid import uuid4

import pytest

from accord.context import RequestInfo, Resources, SignedIn, SignedInContext
from accord.database.idempotency import Idempotency
from accord.database.pagination import Cursors
from accord.mail.mail import Mailer
from accord.security.passwords import Passwords
from accord.security.tokens import AccessTokens
from accord.settings import Settings


@pytest.fixture
def context_of(tmp_path):
    """Return a context that runs a flow in the test itself: `context_of(database, "queryRecords", me)`."""

    def make(database, operation, account):
        settings = Settings(data_dir=tmp_path)
        resources = Resources(
            settings,
            database,
            Passwords(settings),
            AccessTokens(settings),
            Cursors(b"key"),
            Idempotency(database, b"key"),
            probes={},
            mailer=Mailer(settings),
        )
        resources.passwords.close()
        return SignedInContext(resources, operation, SignedIn.user(account.id, "customer", None), RequestInfo("test"))

    return make


@pytest.fixture
def change():
    """Send a transaction: `await change(me, {…}, {…})`."""

    async def send(account, *operations, headers=None, **body):
        body = {"transactionId": str(uuid4()), "operations": list(operations)} | body
        return await account.post("/api/v1/transactions", headers, **body)

    return send


@pytest.fixture
def sequenced(given):
    """Wait until the entries of a request have their positions, and return these."""

    async def wait(request_id):
        async with asyncio.timeout(30):
            while not (rows := await given.sql(SEQUENCED, request_id)):
                await asyncio.sleep(0.01)
        return [position for (position,) in rows]

    return wait


SEQUENCED = (
    "SELECT p.position FROM accord.journal_positions p"
    " JOIN accord.journal j ON j.id = p.entry_id WHERE j.request_id = %s"
    " ORDER BY p.position"
)
