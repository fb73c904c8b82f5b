import os
from uuid import uuid4

import pytest
from given import PASSWORD, details

from accord.context import RequestInfo, Resources, SignedIn, SignedInContext
from accord.database.connection import Connection
from accord.database.database import Database
from accord.database.idempotency import Idempotency
from accord.database.pagination import Cursors
from accord.flows.accounts.list_users import list_users
from accord.mail.mail import Mailer
from accord.security.passwords import Passwords
from accord.security.tokens import AccessTokens
from accord.settings import Settings


async def _people(admin, *first_names: str) -> str:
    """Create a customer for each name, and return the word that only they have in common."""
    word = f"w{os.urandom(5).hex()}"
    for name in first_names:
        created = await admin.post("/api/v1/users", **details(firstName=name, lastName=word))
        assert created.status_code == 201, created.text
    return word


async def test_pages_are_complete_newest_first_and_say_where_the_next_one_is(given):
    admin = await given.an_admin()
    word = await _people(admin, "A", "B", "C")

    first = await admin.get("/api/v1/users", search=word, limit=2)
    second = await admin.get("/api/v1/users", search=word, limit=2, page=2)

    assert [user["firstName"] for user in first.json()["items"]] == ["C", "B"]
    assert [user["firstName"] for user in second.json()["items"]] == ["A"]
    assert {name: first.json()[name] for name in ("page", "limit", "total", "totalPages")} == {
        "page": 1,
        "limit": 2,
        "total": 3,
        "totalPages": 2,
    }
    cursor = first.json()["nextCursor"]
    assert first.headers["link"] == f'</api/v1/users?search={word}&limit=2&cursor={cursor}>; rel="next"'
    assert second.json()["nextCursor"] is None
    assert "link" not in second.headers


async def test_a_cursor_goes_on_after_the_last_account_although_accounts_come_and_go(given):
    admin = await given.an_admin()
    word = await _people(admin, "A", "B", "C", "D", "E")

    first = (await admin.get("/api/v1/users", search=word, limit=2)).json()
    gone = first["items"][0]
    await admin.delete(f"/api/v1/users/{gone['id']}", expectedVersion=1)
    await admin.post("/api/v1/users", **details(firstName="F", lastName=word))
    second = (await admin.get("/api/v1/users", search=word, limit=2, cursor=first["nextCursor"])).json()
    third = (await admin.get("/api/v1/users", search=word, limit=2, cursor=second["nextCursor"])).json()

    walked = [user["firstName"] for page in (first, second, third) for user in page["items"]]
    assert walked == ["E", "D", "C", "B", "A"]
    assert [page["page"] for page in (first, second, third)] == [1, 2, 3]
    assert third["nextCursor"] is None


async def test_a_cursor_of_another_search_or_caller_or_beside_a_page_is_refused(given):
    admin, other = await given.an_admin(), await given.an_admin()
    word = await _people(admin, "A", "B")
    cursor = (await admin.get("/api/v1/users", search=word, limit=1)).json()["nextCursor"]

    refused = [
        await admin.get("/api/v1/users", limit=1, cursor=cursor),
        await other.get("/api/v1/users", search=word, limit=1, cursor=cursor),
        await admin.get("/api/v1/users", search=word, limit=1, cursor=cursor, page=2),
    ]

    assert [response.status_code for response in refused] == [400, 400, 400]
    assert [response.json()["errors"][0]["field"] for response in refused] == ["cursor", "cursor", "page"]


async def test_a_page_after_the_last_is_empty(given):
    admin = await given.an_admin()

    response = await admin.get("/api/v1/users", page=1_000_000)

    assert (response.status_code, response.json()["items"]) == (200, [])


async def test_a_page_has_20_people_unless_it_is_asked_for_more(given):
    admin = await given.an_admin()

    assert (await admin.get("/api/v1/users")).json()["limit"] == 20
    assert (await admin.get("/api/v1/users", limit=100)).status_code == 200


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"page": 0}, {"page": "1_0"}, {"order": "email"}])
async def test_parameters_outside_the_contract_are_refused(given, query):
    admin = await given.an_admin()

    response = await admin.get("/api/v1/users", **query)

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, next(iter(query)))


@pytest.mark.parametrize("part", [lambda user: user["email"][7:].upper(), lambda user: user["firstName"][1:].lower()])
async def test_search_looks_into_every_name_in_any_letter_case(given, part):
    admin, person = await given.an_admin(), await given.an_account(first_name=f"Zoë{os.urandom(5).hex()}")

    response = await admin.get("/api/v1/users", search=part(person.user))

    assert [user["id"] for user in response.json()["items"]] == [person.id]


@pytest.mark.parametrize(("special", "other"), [("%", "x"), ("_", "x"), ("\\", "x"), ("\\%", "\\x"), ("%_", "xx")])
async def test_search_takes_every_character_for_itself(given, special, other):
    admin = await given.an_admin()
    mark = os.urandom(4).hex()
    await _people(admin, f"a{mark}{special}z", f"a{mark}{other}z")

    response = await admin.get("/api/v1/users", search=f"{mark}{special}z")

    assert [user["firstName"] for user in response.json()["items"]] == [f"a{mark}{special}z"]


async def test_the_deleted_are_not_listed(given):
    admin = await given.an_admin()
    word = await _people(admin, "A", "B")
    gone = (await admin.get("/api/v1/users", search=word)).json()["items"][0]
    await admin.delete(f"/api/v1/users/{gone['id']}", expectedVersion=1)

    left = (await admin.get("/api/v1/users", search=word)).json()

    assert ([user["firstName"] for user in left["items"]], left["total"]) == (["A"], 1)


async def test_no_secret_is_in_it(given):
    admin = await given.an_admin()

    text = (await admin.get("/api/v1/users", limit=100)).text

    assert PASSWORD not in text
    assert "hash" not in text.lower()
    assert "argon2" not in text


async def test_a_customer_may_not(given):
    somebody = await given.an_account()

    response = await somebody.get("/api/v1/users")

    assert (response.status_code, response.json()["code"]) == (403, "FORBIDDEN")


class CountingDatabase(Database):
    """Counts the statements that a flow executes."""

    statements = 0

    async def acquire(self) -> Connection:
        self.statements += 1
        return await super().acquire()


@pytest.mark.parametrize("search", [None, "a"])
async def test_the_number_of_statements_does_not_depend_on_the_number_of_people(given, search, tmp_path):
    settings = Settings(data_dir=tmp_path)
    await _people(await given.an_admin(), "Ada", "Ada", "Ada")
    passwords, database = Passwords(settings), CountingDatabase(given.service.database_url, 2, 30)
    await database.open()
    resources = Resources(
        settings,
        database,
        passwords,
        AccessTokens(settings),
        Cursors(b"key"),
        Idempotency(database, b"key"),
        probes={},
        mailer=Mailer(settings),
    )
    root = SignedIn.user(str(uuid4()), "root", None)
    counts, lengths = [], []

    for limit in (1, 3):
        before = database.statements
        context = SignedInContext(resources, "listUsers", root, RequestInfo("test"))
        lengths.append(len((await list_users(context, page=1, limit=limit, search=search, cursor=None))["items"]))
        counts.append(database.statements - before)

    await database.close()
    passwords.close()
    assert (lengths, counts) == ([1, 3], [2, 2])
