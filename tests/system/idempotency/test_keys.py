"""D-1 for every operation that creates, found from the contract."""

from asyncio import gather
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest
import samples
from contract_operations import body_properties, example_body, path_of
from given import details

from accord.contract import bundle
from accord.contract.operations import Operation, operations
from accord.database.database import Database
from accord.database.idempotency import _LOCK, Idempotency
from accord.database.transaction import Transaction

DOCUMENT = bundle.load()
KEYED = [o for o in operations(DOCUMENT) if any(p.name == "Idempotency-Key" for p in o.parameters)]
# Others take a key for the job that runs them. A setup token makes a root account, which other tests would meet.
CREATING = [o for o in KEYED if o.success_status == HTTPStatus.CREATED and o.id != "setup"]


async def a_request(given: Any, operation: Operation) -> tuple[Any, str, dict[str, Any], dict[str, Any]]:
    """Return who sends, the path, a body that creates, and another body that would."""
    if operation.id in {"createUser", "register"}:
        sender = (await given.root()).http if operation.access == "signed-in" else await given.somebody()
        body = details()
        return sender, operation.path, body, body | {"firstName": "Grace"}
    if operation.id == "runSchedule":
        return (await given.root()).http, operation.path.replace("{scheduleName}", "cleanUpExpired"), {}, {}
    me = await given.an_account()
    path = path_of(operation, **await samples.ids_for([operation], me, {}))
    body = example_body(operation)
    return me.http, path, body, another(operation, body)


def another(operation: Operation, body: dict[str, Any]) -> dict[str, Any]:
    """Return a body that fits the contract, too."""
    name, schema = next((n, s) for n, s in body_properties(operation).items() if n in body and s["type"] != "array")
    if "enum" in schema:
        return body | {name: next(option for option in schema["enum"] if option != body[name])}
    formats = {"uuid": str(uuid4()), "date": "2026-03-03", "date-time": "2026-03-03T09:30:00.000000Z"}
    types = {"string": "Something else", "boolean": not body[name], "integer": 77, "number": 77}
    return body | {name: formats.get(schema.get("format", ""), types[schema["type"]])}


@pytest.mark.parametrize("operation", CREATING, ids=lambda operation: operation.id)
async def test_the_same_request_gets_the_same_response_and_creates_one_record(given, operation):
    sender, path, body, _ = await a_request(given, operation)
    key = {"Idempotency-Key": f"a key of mine {uuid4()}".replace(" ", "-")}

    first = await sender.post(path, json=body or None, headers=key)
    second = await sender.post(path, json=dict(reversed(body.items())) or None, headers=key)

    assert first.status_code == 201, first.text
    assert (second.status_code, second.content) == (201, first.content)
    assert second.headers["etag"] == first.headers["etag"]
    assert len(await given.entries(first)) == 1
    assert await given.entries(second) == []


@pytest.mark.parametrize("operation", [o for o in CREATING if o.body_schema], ids=lambda operation: operation.id)
async def test_the_same_key_with_another_body_is_refused(given, operation):
    sender, path, body, other = await a_request(given, operation)
    key = {"Idempotency-Key": str(uuid4())}
    await sender.post(path, json=body, headers=key)

    response = await sender.post(path, json=other, headers=key)

    assert (response.status_code, response.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert await given.entries(response) == []


async def register(sender: Any, body: dict[str, Any], key: str) -> Any:
    return await sender.post("/api/v1/auth/register", json=body, headers={"Idempotency-Key": key})


async def test_a_registration_sent_again_from_another_address_gets_the_first_response(given):
    here, there = await given.somebody(), await given.somebody()
    body, key = details(), str(uuid4())

    first = await register(here, body, key)
    again = await register(there, body, key)
    # Whoever guesses the key learns nothing: it takes all that was sent, the password too.
    guessed = await register(there, body | {"password": "another password"}, key)

    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert (guessed.status_code, guessed.json()["code"]) == (409, "ALREADY_EXISTS")


async def test_every_process_locks_the_request_before_the_address():
    idempotency = Idempotency(Database("", 1), b"secret")
    bodies = [details() for _ in range(20)]

    def locks(address: str, body: dict[str, Any]) -> dict[str, int | None]:
        return idempotency._locks(idempotency.attempt("", address, "register", "registration", body))

    here, there = ([locks(address, body) for body in bodies] for address in ("192.0.2.1", "192.0.2.2"))

    assert [each["first"] for each in here] == [each["first"] for each in there]
    assert len({each["first"] for each in here}) == len(bodies)
    assert len({each["second"] for each in here}) == len({each["second"] for each in there}) == 1


async def test_a_request_refused_for_its_first_lock_takes_no_second(given):
    """Else two of them may hold one lock each, so that neither runs."""
    database, body, key, locks = Database(given.service.database_url, 8), details(), str(uuid4()), []
    await database.open()
    idempotency = Idempotency(database, b"secret")
    for sent, address in ((body, "192.0.2.1"), (body, "192.0.2.2"), (details(), "192.0.2.2")):
        locks.append(idempotency._locks(idempotency.attempt("", address, "register", key, sent)))
    transactions = [Transaction(database) for _ in locks]

    taken = [(await tx.one(_LOCK, **each)).taken for tx, each in zip(transactions, locks, strict=True)]
    for tx in transactions:
        await tx.rollback()
    await database.close()

    assert taken == [True, False, True]


async def test_strangers_with_one_key_never_meet(given):
    """A program may send the same key for everybody."""
    key, bodies = f"registration-{uuid4()}", [details() for _ in range(6)]
    senders = [await given.somebody() for _ in bodies]

    at_once = await gather(*(register(*each, key) for each in zip(senders, bodies, strict=True)))
    again = [await register(*each, key) for each in zip(senders, bodies, strict=True)]
    # Each from an address from which another one signed up.
    elsewhere = [await register(*each, key) for each in zip(senders[1:], bodies[:-1], strict=True)]

    assert [response.status_code for response in at_once] == [201] * 6
    assert [response.json()["email"] for response in at_once] == [body["email"] for body in bodies]
    assert [response.content for response in again] == [response.content for response in at_once]
    assert [response.content for response in elsewhere] == [response.content for response in at_once[:-1]]


async def test_a_stranger_reusing_a_key_with_another_body_is_refused_at_that_address_only(given):
    here, there, key = await given.somebody(), await given.somebody(), str(uuid4())
    assert (await register(here, details(), key)).status_code == 201

    same_address, other_address = await register(here, details(), key), await register(there, details(), key)

    assert (same_address.status_code, same_address.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert other_address.status_code == 201


async def test_a_key_belongs_to_its_caller_and_its_operation(given):
    me, you = await given.an_account(), await given.an_account()
    key = {"Idempotency-Key": str(uuid4())}
    talk = (await me.post("/api/v1/conversations", key, title="Plans")).json()

    yours = await you.post("/api/v1/conversations", key, title="Plans")
    message = await me.post(f"/api/v1/conversations/{talk['id']}/messages", key, text="Hello")

    assert [response.status_code for response in (yours, message)] == [201, 201]
    assert yours.json()["id"] != talk["id"]


async def test_a_key_of_another_place_is_another_body(given):
    me = await given.an_account()
    one, other = [(await me.post("/api/v1/conversations", title=title)).json()["id"] for title in "ab"]
    key = {"Idempotency-Key": str(uuid4())}
    await me.post(f"/api/v1/conversations/{one}/messages", key, text="Hello")

    response = await me.post(f"/api/v1/conversations/{other}/messages", key, text="Hello")

    assert response.status_code == 422


async def test_a_refused_request_leaves_its_key_free(given):
    me, you = await given.an_account(), await given.an_account()
    key = {"Idempotency-Key": str(uuid4())}
    refused = await me.post("/api/v1/conversations", key, title="Plans", memberIds=[str(uuid4())])

    response = await me.post("/api/v1/conversations", key, title="Plans", memberIds=[you.id])

    assert (refused.status_code, response.status_code) == (422, 201)


async def test_a_response_is_kept_for_24_hours(given):
    me = await given.an_account()
    key = {"Idempotency-Key": str(uuid4())}
    age = "UPDATE accord.idempotency_keys SET created_at = now() - %s::interval WHERE caller = %s"
    first = await me.post("/api/v1/conversations", key, title="Plans")

    await given.sql(age, "23 hours 59 minutes", me.id)
    still = await me.post("/api/v1/conversations", key, title="Plans")
    await given.sql(age, "24 hours 1 minute", me.id)
    anew = await me.post("/api/v1/conversations", key, title="Plans")
    again = await me.post("/api/v1/conversations", key, title="Plans")

    assert still.json() == first.json()
    assert anew.json()["id"] != first.json()["id"]
    assert again.json() == anew.json()


@pytest.mark.parametrize("key", ["", "with space", "é", "x" * 256])
async def test_a_key_is_1_to_255_visible_characters(given, key):
    me = await given.an_account()

    response = await me.post("/api/v1/conversations", {"Idempotency-Key": key.encode()}, title="Plans")

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "Idempotency-Key")


async def test_neither_the_request_nor_its_plain_hash_is_kept(given):
    somebody, body = await given.somebody(), details()
    await somebody.post("/api/v1/auth/register", json=body, headers={"Idempotency-Key": "registration"})

    [(kept,)] = await given.sql(
        "SELECT string_agg(k::text || convert_from(data, 'UTF8'), '') FROM accord.idempotency_keys k"
        " WHERE operation = 'register'"
    )

    assert body["email"] in kept
    assert body["password"] not in kept
    assert "127." not in kept
