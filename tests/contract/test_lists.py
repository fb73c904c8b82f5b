"""A-7 for every list of the contract, also tomorrow's: a longer page takes no more statements than a short one."""

import importlib
from typing import Any

import pytest
import samples
import versioned
from contract_operations import NAMED, OPERATIONS
from given import Account

from accord.context import RequestInfo, Resources, SignedIn, SignedInContext
from accord.contract import bundle
from accord.contract.operations import Operation
from accord.contract.references import resolve
from accord.database.connection import Connection
from accord.database.database import Database
from accord.database.idempotency import Idempotency
from accord.database.pagination import Cursors
from accord.edge.pipeline.parameters import CompiledParameters
from accord.journal.backlog import backlog
from accord.mail.mail import Mailer
from accord.security.passwords import Passwords
from accord.security.tokens import AccessTokens
from accord.settings import Settings


def gives_pages(operation: Operation) -> bool:
    properties = resolve(bundle.load(), operation.success_schema or {}).get("properties", {})
    return "items" in properties and bool({"totalPages", "nextCursor"} & set(properties))


LISTS = [operation for operation in OPERATIONS if gives_pages(operation)]


class CountingDatabase(Database):
    """Counts the statements that a flow executes."""

    statements = 0

    async def acquire(self) -> Connection:
        self.statements += 1
        return await super().acquire()


async def three_of(operation: Operation, owner: Account) -> dict[str, str]:
    """Make three of what is listed, or of everything where it is no kind of record; return the ids of the path."""
    ids = await samples.ids_for([operation], owner, {})
    items = resolve(bundle.load(), operation.success_schema or {})["properties"]["items"]["items"]
    for kind in versioned.made_by_the_service().values():
        if items.get("$ref", "").endswith(f"/{kind.schema}"):
            for _ in range(3):
                await samples.sample(versioned.id_name(kind), owner)
            return ids
    listed = [r for r in versioned.resources().values() if items.get("$ref", "").endswith(f"/{r.kind.schema}")]
    for resource in listed or versioned.resources().values():
        for _ in range(3):
            await samples.created(resource, owner, ids)
    return ids


@pytest.fixture
async def resources(service, tmp_path):
    settings = Settings(data_dir=tmp_path)
    passwords, database = Passwords(settings), CountingDatabase(service.database_url, 2)
    await database.open()
    idempotency = Idempotency(database, b"key")
    yield Resources(
        settings,
        database,
        passwords,
        AccessTokens(settings),
        Cursors(b"key"),
        idempotency,
        probes={},
        mailer=Mailer(settings),
    )
    await database.close()
    passwords.close()


@pytest.mark.parametrize("operation", LISTS, **NAMED)
async def test_the_number_of_statements_does_not_depend_on_the_length_of_the_page(given, resources, until, operation):
    admin = await given.an_admin()
    ids = await three_of(operation, admin)
    flow = getattr(
        importlib.import_module(f"accord.flows.{operation.domain}.{operation.flow_name}"), operation.flow_name
    )

    async def page(limit: int) -> tuple[int, int]:
        """Return the length of a page and what it cost."""
        inputs, wrong = CompiledParameters(operation.parameters).parse(ids, f"limit={limit}".encode(), {})
        context = SignedInContext(resources, operation.id, SignedIn.user(admin.id, "admin", None), RequestInfo("test"))
        before = resources.database.statements
        found: dict[str, Any] = await flow(context, **inputs)
        assert wrong == []
        return len(found["items"]), resources.database.statements - before

    # Entries get their position a moment after the commit, and the records of a page take a statement for each table.
    await until(lambda: backlog(resources.database), lambda waiting: waiting.entries == 0)
    longest = await page(3)

    assert (await page(1), longest) == ((1, longest[1]), (3, longest[1]))
    assert 1 <= longest[1] <= 3
