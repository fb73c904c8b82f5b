"""Operations that take conditions, and a record at version 7 for each."""

from dataclasses import dataclass
from typing import Any

import httpx
import samples
import versioned
from contract_operations import OPERATIONS, body_properties, example_body, example_query, parameters, path_of
from given import Given

from accord.contract.operations import Operation


def taking(header: str) -> list[Operation]:
    return [o for o in OPERATIONS if header in {parameter.name for parameter in parameters(o, "header")}]


def of_records(*, changes: bool) -> list[Operation]:
    """Leave out what was scaffolded and has no table yet: that is at version 1, whatever is done to it."""
    without = {operation.id for operation in versioned.unowned_versioned_operations()}
    takes = [operation for operation in taking("If-Match") if operation.id not in without]
    return [operation for operation in takes if (operation.method != "GET") == changes]


READS, CHANGES = of_records(changes=False), of_records(changes=True)
NAMING_7 = (
    *('"7"', 'W/"7"', "*", '"1", "7"', '"6" ,"7"', ',, "7",', 'W/"6",W/"7"', '"a,b", "7"', '"6",\t"7"'),
    # What proxies that compress make of a tag.
    *('"7-gzip"', '"7;gzip"', 'W/"7-br"', '"7;zstd"'),
)
MALFORMED = ("7", "'7'", '"7', 'w/"7"', '"6" "7"', '*, "7"', 'W/ "7"', '"7"x', "")


@dataclass
class Records:
    """A record of each kind at version 7, by the path parameter that names it, and who may do anything to them."""

    ids: dict[str, str]
    email: str
    owner: httpx.AsyncClient
    root: httpx.AsyncClient

    async def call(
        self, operation: Operation, version: int | None = None, *, method: str = "", **headers: str
    ) -> httpx.Response:
        """Call an operation on its record; `version` is what the caller says that they read."""
        request: dict[str, Any] = {"headers": {name.replace("_", "-"): value for name, value in headers.items()}}
        if operation.body_schema is not None:
            newcomer = {"userId": self.ids["newcomer"]} if "userId" in body_properties(operation) else {}
            request["json"] = example_body(operation) | newcomer | {"expectedVersion": version}
        query = example_query(operation)
        if query:
            known = {"expectedVersion": version, "email": self.email}
            request["params"] = query | {name: known[name] for name in query}
        client = self.root if operation.path.startswith("/api/v1/users") else self.owner
        # Whom a path names beside a record is its owner: they take part in what is theirs.
        ids = self.ids if self.of(operation)[0] == "users" else self.ids | {"userId": self.ids["me"]}
        return await client.request(method or operation.method, path_of(operation, **ids), **request)

    def of(self, operation: Operation) -> tuple[str, str]:
        """Return the table and the id of the record that an operation is about: the first that its path names."""
        by_name = {versioned.id_name(kind): table for table, kind in versioned.record_kinds(versioned.DOCUMENT).items()}
        for parameter in parameters(operation, "path"):
            if parameter.name in by_name:
                return by_name[parameter.name], self.ids[parameter.name]
        return "users", self.ids["me"]


async def made(given: Given) -> Records:
    me, other, root = await given.an_account(version=7), await given.an_account(version=7), await given.root()
    ids = {"userId": other.id, "me": me.id, "newcomer": root.id}
    for name, resource in ((r.id_name, r) for r in versioned.resources().values() if r.id_name != "userId"):
        ids[name] = (await samples.created(resource, me, ids))["id"]
    for name in map(versioned.id_name, versioned.made_by_the_service().values()):
        ids[name] = (await samples.sample(name, me))["id"]
    for table, kind in versioned.record_kinds(versioned.DOCUMENT).items():
        record_id = ids[versioned.id_name(kind)]
        await given.sql(f"UPDATE {table} SET version = 7 WHERE id = %s", record_id)  # noqa: S608 - of ours
    return Records(ids, other.email, me.http, root.http)


async def unchanged(given, records, operation) -> bool:
    """Say whether the record is still there, and at its version."""
    table, record_id = records.of(operation)
    statement = f"SELECT version, deleted_at FROM {table} WHERE id = %s"  # noqa: S608 - tables of ours
    return await given.sql(statement, record_id) == [(7, None)]
