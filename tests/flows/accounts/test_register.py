import unicodedata
from uuid import UUID

import pytest
from given import PASSWORD, details, new_email


async def test_creates_a_customer_who_can_sign_in(given):
    body = details(email=f"Ada.{new_email()}")

    response = await (await given.somebody()).post("/api/v1/auth/register", json=body)

    user = response.json()
    assert response.status_code == 201
    assert {name: user[name] for name in ("email", "firstName", "lastName")} == {
        name: body[name] for name in ("email", "firstName", "lastName")
    }
    assert (user["role"], user["version"], user["createdBy"], user["disabledAt"]) == ("customer", 1, None, None)
    assert UUID(user["id"]).version == 7
    assert response.headers["etag"] == '"1"'
    assert (await given.signed_in(body["email"])).id == user["id"]


async def test_the_journal_names_the_new_account_and_none_of_its_secrets(given):
    body = details()

    response = await (await given.somebody()).post("/api/v1/auth/register", json=body)

    [entry] = await given.entries(response)
    user_id = response.json()["id"]
    assert (entry["kind"], entry["record_table"], entry["record_id"]) == ("created", "users", user_id)
    assert (entry["record_version"], entry["actor_kind"], entry["actor_id"]) == (1, "user", user_id)
    assert entry["fields"]["email"] == body["email"]
    assert entry["fields"]["password_hash"] == "[redacted]"
    assert PASSWORD not in str(entry)


@pytest.mark.parametrize("respelled", [str.upper, str.title, " {}".format, "{}\t".format])
async def test_an_address_is_taken_in_any_letter_case_and_with_spaces_around_it(given, respelled):
    taken = await given.an_account()

    response = await (await given.somebody()).post("/api/v1/auth/register", json=details(email=respelled(taken.email)))

    assert (response.status_code, response.json()["code"]) == (409, "ALREADY_EXISTS")
    assert await given.entries(response) == []


@pytest.mark.parametrize("form", ["NFC", "NFD"])
async def test_an_address_is_one_however_its_letters_are_composed(given, form):
    email = unicodedata.normalize(form, f"José.Å-{new_email()}")
    created = await (await given.somebody()).post("/api/v1/auth/register", json=details(email=email))

    other = unicodedata.normalize("NFD" if form == "NFC" else "NFC", email).swapcase()
    again = await (await given.somebody()).post("/api/v1/auth/register", json=details(email=other))

    assert (created.status_code, again.status_code) == (201, 409)
    assert created.json()["email"] == email
    assert (await given.signed_in(other)).email == email


async def test_an_address_has_at_most_255_characters(given):
    local, _, domain = new_email().partition("@")
    longest = f"{local}@{'.'.join(['d' * 60] * 4)}"[: 254 - len(domain)] + f".{domain}"

    fits = await (await given.somebody()).post("/api/v1/auth/register", json=details(email=longest))
    too_long = await (await given.somebody()).post("/api/v1/auth/register", json=details(email=f"x{longest}"))

    assert (len(longest), fits.status_code, too_long.status_code) == (255, 201, 400)


@pytest.mark.parametrize("email", ["ada", "@example.com", "ada@", "a da@example.com", "ada@example..com", "a@b@c.com"])
async def test_a_malformed_address_is_refused_without_being_repeated(given, email):
    response = await (await given.somebody()).post("/api/v1/auth/register", json=details(email=email))

    assert response.status_code == 400
    assert response.json()["errors"] == [{"field": "email", "message": "must be a valid email"}]


@pytest.mark.parametrize("password", ["seven 7", "x" * 129])
async def test_a_password_has_8_to_128_characters(given, password):
    response = await (await given.somebody()).post("/api/v1/auth/register", json=details(password=password))

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "password")


@pytest.mark.parametrize("password", ["8 charsx", "ü" * 128])
async def test_the_shortest_and_the_longest_password_work(given, password):
    body = details(password=password)

    response = await (await given.somebody()).post("/api/v1/auth/register", json=body)

    assert response.status_code == 201
    await given.signed_in(body["email"], password)


@pytest.mark.parametrize(
    "guess",
    [
        {"password": "password1"},
        {"password": "PASSWORD1"},
        {"password": "Ada Lovelace"},
        {"password": "lovelace"},
        {"email": "the-same-text@example.com", "password": "The-Same-Text@example.com"},
    ],
)
async def test_a_password_that_is_guessed_first_is_refused(given, guess):
    response = await (await given.somebody()).post("/api/v1/auth/register", json=details(**guess))

    assert (response.status_code, response.json()["code"]) == (422, "BUSINESS_RULE_VIOLATION")
    assert response.json()["errors"][0]["field"] == "password"
    assert guess["password"].lower() not in response.text.lower()


@pytest.mark.parametrize("field", ["role", "id", "version", "emailVerifiedAt", "createdBy", "passwordHash"])
async def test_fields_that_the_service_sets_are_refused(given, field):
    response = await (await given.somebody()).post("/api/v1/auth/register", json=details(**{field: "root"}))

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, field)
