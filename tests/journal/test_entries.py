from uuid import uuid4

import psycopg
import pytest
import samples
import versioned
from contract_operations import example_body, path_of
from flows.jobs.samples import SCHEDULES, a_job, queue_name
from given import PASSWORD, details

from accord.contract import bundle
from accord.contract.operations import operations
from accord.database.schema import tables_by_name
from accord.journal.partitions import coming


async def register(given):
    return await (await given.somebody()).post("/api/v1/auth/register", json=details())


async def login(given):
    me = await given.an_account()
    return await me.post("/api/v1/auth/login", email=me.email, password=PASSWORD)


async def refresh(given):
    me = await given.an_account()
    return await me.post("/api/v1/auth/refresh", refreshToken=me.tokens["refreshToken"])


async def logout(given):
    return await (await given.an_account()).post("/api/v1/auth/logout")


async def logout_all(given):
    return await (await given.an_account()).post("/api/v1/auth/logout-all")


async def update_me(given):
    return await (await given.an_account()).patch("/api/v1/me", expectedVersion=1, firstName="Grace")


async def create_user(given):
    return await (await given.an_admin()).post("/api/v1/users", **details())


async def update_user(given):
    admin, somebody = await given.an_admin(), await given.an_account()
    return await admin.patch(f"/api/v1/users/{somebody.id}", expectedVersion=1, disabled=True)


async def delete_user(given):
    admin, somebody = await given.an_admin(), await given.an_account()
    return await admin.delete(f"/api/v1/users/{somebody.id}", expectedVersion=1)


async def unlock_user(given):
    admin, somebody = await given.an_admin(), await given.an_account()
    return await admin.post(f"/api/v1/users/{somebody.id}/unlock")


async def conversation(given, **fields):
    """Return somebody, and the path of a conversation that they began."""
    me = await given.an_account()
    response = await me.post("/api/v1/conversations", title="Plans", **fields)
    return me, f"/api/v1/conversations/{response.json()['id']}"


async def add_member(given):
    you = await given.an_account()
    me, path = await conversation(given)
    return await me.post(f"{path}/members", expectedVersion=1, userId=you.id)


async def remove_member(given):
    you = await given.an_account()
    me, path = await conversation(given, memberIds=[you.id])
    return await me.delete(f"{path}/members/{you.id}", expectedVersion=1)


async def apply_transaction(given):
    me, path = await conversation(given)
    named = {"table": "conversations", "id": path.rpartition("/")[2]}
    operations = [
        {"op": "set", "path": "title", "value": "Better plans", **named},
        {"op": "listInsert", "path": "tags", "value": "work", "where": "end", **named},
    ]
    return await me.post("/api/v1/transactions", transactionId=str(uuid4()), operations=operations)


async def cancel_job(given):
    me = await given.an_account()
    return await me.post(f"/api/v1/jobs/{await a_job(given, owner_id=me.id)}/cancel", expectedVersion=1)


async def retry_job(given):
    admin = await given.an_admin()
    return await admin.post(f"/api/v1/jobs/{await a_job(given, 'dead')}/retry", expectedVersion=1)


async def retry_jobs(given):
    admin, task = await given.an_admin(), f"test{uuid4().hex}"
    await a_job(given, "dead", task=task)
    return await admin.post("/api/v1/jobs/retry", task=task)


async def update_queue(given):
    admin = await given.an_admin()
    name = (await queue_name(admin))["id"]
    return await admin.patch(f"/api/v1/queues/{name}", expectedVersion=1, paused=True)


async def update_schedule(given):
    admin = await given.an_admin()
    path = f"/api/v1/schedules/{SCHEDULES[-1]}"
    known = {each["name"]: each for each in (await admin.get("/api/v1/schedules")).json()["items"]}[SCHEDULES[-1]]
    return await admin.patch(path, expectedVersion=known["version"], paused=known["paused"])


async def run_schedule(given):
    return await (await given.an_admin()).post(f"/api/v1/schedules/{SCHEDULES[-1]}/run")


MUTATIONS = {
    function.__name__: function
    for function in (
        register,
        login,
        refresh,
        logout,
        logout_all,
        update_me,
        create_user,
        update_user,
        delete_user,
        unlock_user,
        add_member,
        remove_member,
        apply_transaction,
        cancel_job,
        retry_job,
        retry_jobs,
        update_queue,
        update_schedule,
        run_schedule,
    )
}
ELSEWHERE = {"setup": "its entry is looked at where the token is made, in tests/flows/accounts/test_setup.py"}
OPERATIONS = {operation.flow_name: operation for operation in operations(bundle.load())}


def says_why_not(operation):
    """Say whether the contract has a reason why there is nothing to tell the journal."""
    return bool(operation.definition.get("x-unjournaled") or operation.definition.get("x-repeatable"))


def by_the_contract(operation):
    """Return what changes a record as the examples of the contract have it; None where that takes more than these."""
    found = [r for r in versioned.resources().values() if operation == r.create or operation in r.changes]
    if not found or found[0].role != "customer":
        return None

    async def change(given):
        me = await given.an_account()
        if operation == found[0].create:
            ids = await samples.ids_for([operation], me, {})
            return await me.http.post(path_of(operation, **ids), json=samples.body_of(operation))
        ids = {found[0].id_name: (await samples.created(found[0], me))["id"]}
        if operation.method == "DELETE":
            return await me.http.delete(path_of(operation, **ids), params={"expectedVersion": 1})
        body = example_body(operation) | {"expectedVersion": 1}
        return await me.http.request(operation.method, path_of(operation, **ids), json=body)

    return change


CHANGES = {
    name: MUTATIONS.get(name) or by_the_contract(operation)
    for name, operation in OPERATIONS.items()
    if operation.method != "GET" and name not in ELSEWHERE
}


def test_every_operation_that_changes_something_is_looked_at():
    assert [name for name, change in CHANGES.items() if change is None and not says_why_not(OPERATIONS[name])] == []


@pytest.mark.parametrize("name", [name for name, change in CHANGES.items() if change is not None])
async def test_a_change_has_exactly_one_entry_with_its_actor_and_without_secrets(given, name):
    response = await CHANGES[name](given)

    assert response.status_code < 300, response.text
    entries = await given.entries(response)
    # Somebody who loses access is told so by an event beside the change.
    [entry] = [entry for entry in entries if entry["kind"] != "event"] or entries
    assert (entry["actor_kind"], entry["actor_id"] is None) == ("user", False)
    assert entry["operation"].lower() == name.replace("_", "")
    text = str(entry)
    assert PASSWORD not in text
    assert "argon2" not in text
    assert "eyJ" not in text


async def test_the_entry_is_of_the_transaction_of_the_change(given):
    me = await given.an_account()

    response = await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")

    [(same,)] = await given.sql(
        "SELECT u.xmin::text::bigint = (j.transaction_id::text::bigint & 4294967295)"
        " FROM accord.users u, accord.journal j WHERE u.id = %s AND j.request_id = %s",
        me.id,
        response.headers["x-request-id"],
    )
    assert same


VERSIONED = sorted(name for name, table in tables_by_name().items() if {"id", "version"} <= set(table.c.keys()))


KEPT_FROM_THE_JOURNAL = {"jobs": "owner_id IS NULL"}
"""A job of the system has an entry only when it dies (Q-13)."""


@pytest.mark.parametrize("table", VERSIONED)
async def test_every_record_that_the_service_made_began_with_an_entry(given, table):
    await given.an_account()

    # Rows that tests wrote themselves have random ids; the service's are of version 7.
    without = await given.sql(
        f"SELECT id FROM accord.{table} r WHERE substr(id::text, 15, 1) = '7'"  # noqa: S608 - our own names
        f" AND NOT ({KEPT_FROM_THE_JOURNAL.get(table, 'false')})"
        " AND NOT EXISTS (SELECT FROM accord.journal j WHERE j.record_table = %s AND j.record_id = r.id"
        " AND j.kind = 'created' AND j.record_version = 1)",
        table,
    )

    assert without == []


async def test_no_version_has_two_entries(given):
    me = await given.an_account()
    await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")

    twice = await given.sql(
        "SELECT record_table, record_id, record_version, count(*) FROM accord.journal WHERE record_version IS NOT NULL"
        " GROUP BY 1, 2, 3 HAVING count(*) > 1"
    )

    assert twice == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accord.journal SET operation = 'nothing'",
        "DELETE FROM accord.journal",
        "TRUNCATE accord.journal",
        "DELETE FROM accord.journal WHERE kind = 'created'",
        "TRUNCATE accord.journal CASCADE",
        "TRUNCATE accord.journal_default",
        "TRUNCATE {this_month}",
        "DELETE FROM {this_month}",
    ],
)
async def test_past_entries_cannot_be_changed(given, statement):
    await given.an_account()

    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        await given.sql(statement.format(this_month=coming()[0].partition))
