import asyncio
from asyncio import gather

import bcrypt
import psycopg
from given import new_email


async def login(given, email: str, password: str):
    return await (await given.somebody()).post("/api/v1/auth/login", json={"email": email, "password": password})


async def test_parallel_guesses_get_no_more_than_five_verdicts(given):
    me = await given.an_account()

    responses = await gather(*(login(given, me.email, f"guess {number}") for number in range(20)))

    assert sorted(response.status_code for response in responses) == [401] * 5 + [429] * 15
    rows = await given.sql("SELECT fields->>'event' FROM accord.journal WHERE record_id = %s AND kind = 'event'", me.id)
    assert sorted(event for (event,) in rows) == ["locked"] + ["sign-in failed"] * 4


async def test_parallel_guesses_at_an_unknown_address_get_the_same_responses(given):
    email = new_email()

    responses = await gather(*(login(given, email, f"guess {number}") for number in range(20)))

    assert sorted(response.status_code for response in responses) == [401] * 5 + [429] * 15


async def test_a_sign_in_never_outruns_the_disabling_of_its_account(given):
    admin = await given.an_admin()
    for _ in range(4):
        me = await given.an_account()

        attempts = [login(given, me.email, given.password) for _ in range(3)]
        disabling = admin.patch(f"/api/v1/users/{me.id}", expectedVersion=1, disabled=True)
        *responses, disabled = await gather(*attempts, disabling)

        assert disabled.status_code == 200
        assert {response.status_code for response in responses} <= {200, 401}
        alive = await given.sql("SELECT count(*) FROM accord.sessions WHERE user_id = %s AND ended_at IS NULL", me.id)
        assert alive == [(0,)]


async def test_a_sign_in_waits_for_the_disabling_that_is_under_way(given):
    me = await given.an_account()
    async with await psycopg.AsyncConnection.connect(given.service.database_url) as disabling:
        await disabling.execute("UPDATE accord.users SET disabled_at = now() WHERE id = %s", [me.id])
        attempt = asyncio.create_task(login(given, me.email, given.password))
        await given.lock_waiters(1)

        await disabling.execute("UPDATE accord.sessions SET ended_at = now() WHERE user_id = %s", [me.id])
        await disabling.commit()

    assert (await attempt).status_code == 401
    alive = await given.sql("SELECT count(*) FROM accord.sessions WHERE user_id = %s AND ended_at IS NULL", me.id)
    assert alive == [(0,)]


async def test_parallel_sign_ins_keep_ten_sessions(given):
    me = await given.an_account()

    responses = await gather(*(login(given, me.email, given.password) for _ in range(14)))

    assert {response.status_code for response in responses} == {200}
    alive = await given.sql("SELECT count(*) FROM accord.sessions WHERE user_id = %s AND ended_at IS NULL", me.id)
    assert alive == [(10,)]


async def test_parallel_first_logins_upgrade_an_imported_hash_once(given):
    me = await given.an_account()
    imported = (await asyncio.to_thread(bcrypt.hashpw, b"an old password", bcrypt.gensalt(4))).decode()
    await given.sql("UPDATE accord.users SET password_hash = %s WHERE id = %s", imported, me.id)

    responses = await gather(*(login(given, me.email, "an old password") for _ in range(4)))

    assert [response.status_code for response in responses] == [200] * 4
    await given.signed_in(me.email, "an old password")
