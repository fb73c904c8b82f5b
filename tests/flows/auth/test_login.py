import base64
import hashlib
import math
import time

import bcrypt
import pytest
from checked_client import new_address
from given import details, new_email


async def login(http, email, password, **headers):
    return await http.post("/api/v1/auth/login", json={"email": email, "password": password}, headers=headers)


async def test_gives_tokens_and_the_account(given):
    body, http = details(), await given.somebody()
    user = (await http.post("/api/v1/auth/register", json=body)).json()

    response = await login(http, body["email"], body["password"])

    signed_in = response.json()
    assert response.status_code == 200
    assert set(signed_in) == {"accessToken", "tokenType", "expiresIn", "refreshToken", "user"}
    assert (signed_in["tokenType"], signed_in["expiresIn"], signed_in["user"]) == ("Bearer", 900, user)
    assert "content-encoding" not in response.headers
    http.headers["authorization"] = f"Bearer {signed_in['accessToken']}"
    assert (await http.get("/api/v1/me")).json() == user


async def test_the_journal_has_it_without_the_tokens(given):
    me, http = await given.an_account(), await given.somebody()

    response = await login(http, me.email, given.password)

    [entry] = await given.entries(response)
    assert (entry["kind"], entry["record_table"], entry["actor_id"]) == ("event", "sessions", me.id)
    assert entry["fields"] == {"event": "signed in", "userId": me.id}


@pytest.mark.parametrize("respelled", [str.upper, " {}\n".format])
async def test_the_address_may_be_spelled_otherwise(given, respelled):
    me = await given.an_account()

    assert (await given.signed_in(respelled(me.email))).id == me.id


async def test_wrong_address_wrong_password_and_disabled_account_get_the_same_response(given):
    me, disabled, http = await given.an_account(), await given.an_account(), await given.somebody()
    await given.sql("UPDATE accord.users SET disabled_at = now() WHERE id = %s", disabled.id)
    same = {"X-Request-Id": "the-same"}

    responses = [
        await login(http, email, password, **same)
        for email, password in (
            (new_email(), given.password),
            (me.email, "wrong"),
            (disabled.email, given.password),
            (disabled.email, "wrong"),
        )
    ]

    assert {response.status_code for response in responses} == {401}
    assert responses[0].json()["code"] == "INVALID_CREDENTIALS"
    assert {response.text for response in responses} == {responses[0].text}
    headers = [{k: v for k, v in response.headers.items() if k not in {"date", "ratelimit"}} for response in responses]
    assert headers == [headers[0]] * 4


async def test_failed_logins_take_the_same_time(given):
    me, disabled, http = await given.an_account(), await given.an_account(), await given.somebody()
    await given.sql("UPDATE accord.users SET disabled_at = now() WHERE id = %s", disabled.id)
    attempts = {"address": (new_email(), "x" * 20), "password": (me.email, "wrong"), "disabled": (disabled.email, "x")}
    least = dict.fromkeys(attempts, math.inf)

    # What else the machine does only lengthens some attempts: the quickest ones tell, and more of them tell better.
    turn = 0
    while turn < 12 or (turn < 120 and not are_alike(least)):
        if turn % 4 == 0:
            await given.sql("DELETE FROM accord.login_failures")
        for kind, (email, password) in attempts.items():
            started = time.perf_counter()
            response = await login(http, email, password, **{"X-Forwarded-For": new_address()})
            least[kind] = min(least[kind], time.perf_counter() - started)
            assert response.status_code == 401
        turn += 1

    assert are_alike(least), least


async def test_a_failed_login_is_the_same_work_for_known_and_unknown_addresses(given):
    me = await given.an_account()

    async def entries_begun() -> int:
        return (await given.sql("SELECT last_value FROM pg_sequences WHERE sequencename = 'journal_id_seq'"))[0][0]

    begun, kept = [], []
    for email in (me.email, new_email()):
        before = await entries_begun()
        response = await login(await given.somebody(), email, "wrong")
        begun.append(await entries_begun() - before)
        kept.append([entry["fields"]["event"] for entry in await given.entries(response)])

    assert begun == [1, 1]
    assert kept == [["sign-in failed"], []]


def are_alike(seconds: dict[str, float]) -> bool:
    # A hash takes tens of milliseconds and the rest a few: were it left out, the factor would be ten.
    return max(seconds.values()) < 1.6 * min(seconds.values())


@pytest.mark.parametrize("known", [True, False])
async def test_five_failures_lock_known_and_unknown_addresses(given, known):
    email = (await given.an_account()).email if known else new_email()
    assert await given.failed_logins(email, 5) == [401] * 5

    refused = await login(await given.somebody(), email.upper(), given.password)

    assert (refused.status_code, refused.json()["code"]) == (429, "ACCOUNT_LOCKED")
    assert refused.headers["retry-after"] == str(refused.json()["retryAfter"])
    assert 800 <= refused.json()["retryAfter"] <= 900


async def test_attempts_while_locked_do_not_extend_the_lock(given):
    email = new_email()
    await given.failed_logins(email, 5)
    key = hashlib.sha256(email.encode()).digest()
    lock = "SELECT locked_until FROM accord.login_failures WHERE identifier_hash = %s"
    before = await given.sql(lock, key)

    assert await given.failed_logins(email, 3) == [429] * 3

    assert await given.sql(lock, key) == before


async def test_the_lock_ends_and_five_attempts_are_there_again(given):
    me = await given.an_account()
    await given.failed_logins(me.email, 5)
    key = hashlib.sha256(me.email.encode()).digest()
    await given.sql("UPDATE accord.login_failures SET locked_until = now() WHERE identifier_hash = %s", key)

    assert await given.failed_logins(me.email, 6) == [401] * 5 + [429]


async def test_failures_count_together_for_15_minutes_only(given):
    email = new_email()
    await given.failed_logins(email, 4)
    key = hashlib.sha256(email.encode()).digest()
    await given.sql(
        "UPDATE accord.login_failures SET since = since - interval '15 minutes' WHERE identifier_hash = %s", key
    )

    assert await given.failed_logins(email, 2) == [401, 401]


async def test_a_correct_login_resets_the_count(given):
    me = await given.an_account()
    await given.failed_logins(me.email, 4)
    await given.signed_in(me.email)

    assert await given.failed_logins(me.email, 5) == [401] * 5


async def test_the_journal_has_every_failure_and_one_lock_for_an_account_that_exists(given):
    me = await given.an_account()
    await given.failed_logins(me.email, 7)

    rows = await given.sql(
        "SELECT fields->>'event', actor_kind FROM accord.journal WHERE record_id = %s AND kind = 'event' ORDER BY id",
        me.id,
    )

    assert [event for event, _ in rows] == ["sign-in failed"] * 4 + ["locked"]
    assert {actor for _, actor in rows} == {"anonymous"}


def scrypt_hash(password: str) -> str:
    salt = b"a salt of old days"
    derived = hashlib.scrypt(password.encode(), salt=salt, n=2**10, r=8, p=1, dklen=32)
    texts = [base64.b64encode(part).decode().rstrip("=") for part in (salt, derived)]
    return f"$scrypt$ln=10,r=8,p=1${'$'.join(texts)}"


@pytest.mark.parametrize(
    "imported", [lambda password: bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode(), scrypt_hash]
)
async def test_an_imported_hash_works_and_is_upgraded_by_the_first_login(given, imported):
    me = await given.an_account()
    await given.sql("UPDATE accord.users SET password_hash = %s WHERE id = %s", imported("an old password"), me.id)

    first = await given.signed_in(me.email, "an old password")

    [(stored, version)] = await given.sql("SELECT password_hash, version FROM accord.users WHERE id = %s", me.id)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert version == first.user["version"] == 1
    await given.signed_in(me.email, "an old password")
    assert await given.failed_logins(me.email, 1) == [401]


async def test_an_imported_hash_refuses_a_wrong_password_and_stays(given):
    me = await given.an_account()
    await given.sql("UPDATE accord.users SET password_hash = %s WHERE id = %s", scrypt_hash("an old password"), me.id)

    assert await given.failed_logins(me.email, 1) == [401]

    [(stored,)] = await given.sql("SELECT password_hash FROM accord.users WHERE id = %s", me.id)
    assert stored == scrypt_hash("an old password")


async def test_a_short_password_from_before_the_rule_still_works(given):
    me = await given.an_account()
    await given.sql("UPDATE accord.users SET password_hash = %s WHERE id = %s", scrypt_hash("1"), me.id)

    await given.signed_in(me.email, "1")


async def test_the_eleventh_session_ends_the_oldest(given):
    me = await given.an_account()
    others = [await given.signed_in(me.email) for _ in range(10)]

    first, second = [
        await account.post("/api/v1/auth/refresh", refreshToken=account.tokens["refreshToken"])
        for account in (me, others[0])
    ]

    assert (first.status_code, second.status_code) == (401, 200)


async def test_five_logins_a_minute_come_from_one_address(given):
    http = await given.somebody()

    responses = [await login(http, new_email(), "wrong") for _ in range(6)]

    assert [response.status_code for response in responses] == [401] * 5 + [429]
    assert responses[-1].json()["code"] == "RATE_LIMIT_EXCEEDED"
