"""A record type lets a caller read the same records as the contract's GET of that record."""

from collections.abc import AsyncIterator

import pytest
import samples
import versioned
from contract_operations import path_of
from given import Account

from accord.context import SignedIn
from accord.contract.records import kinds
from accord.database.database import Database
from accord.database.schema import tables_by_name
from accord.flows.record_types import record_type


@pytest.fixture
async def database(service) -> AsyncIterator[Database]:
    database = Database(service.database_url, 1)
    await database.open()
    yield database
    await database.close()


async def may_read(account: Account, table: str, record_id: str, database: Database) -> bool:
    """Return whether the account may read the record, after checking that all ways to read it agree."""
    read = kinds()[table].read
    response = await account.get(path_of(read, **{versioned.id_name(kinds()[table]): record_id}))
    caller = SignedIn.user(account.id, account.user["role"], None)
    rows = await record_type(table).readable(database, caller, [record_id])

    assert response.status_code in {200, 404}
    shown = [response.json()] if response.status_code == 200 else []
    assert [(str(row.id), row.version) for row in rows] == [(record["id"], record["version"]) for record in shown]
    queried = await account.post("/api/v1/records/query", pointers=[{"table": table, "id": record_id}])
    assert list(queried.json()["records"].get(table, {}).values()) == shown
    return bool(rows)


@pytest.mark.parametrize("table", sorted(kinds()))
async def test_a_record_type_and_the_get_of_its_record_let_the_same_callers_read(given, database, table):
    owner, stranger, admin = await given.an_account(), await given.an_account(), await given.an_admin()
    kind = kinds()[table]
    record_id = (await samples.ids_for([kind.read], owner, {}))[versioned.id_name(kind)]

    assert await may_read(owner, table, record_id, database)
    assert not await may_read(stranger, table, record_id, database)
    await may_read(admin, table, record_id, database)  # Some records are readable for administrators.

    if "deleted_at" in tables_by_name()[table].c:
        await given.sql(f"UPDATE accord.{table} SET deleted_at = now() WHERE id = %s", record_id)  # noqa: S608 - of ours
        # The account of a deleted owner is signed in no more.
        for account in (stranger, admin, *([] if record_id == owner.id else [owner])):
            assert not await may_read(account, table, record_id, database)
