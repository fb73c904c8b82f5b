"""Each security event reaches the person by mail, and a sign-in with an unknown address reaches no person."""

from given import new_email
from mailbox_of import mails_to


async def test_a_locked_account_is_told(given):
    me = await given.an_account()
    await given.failed_logins(me.email, 5)

    [mail] = await mails_to(me.http, me.email, subject="locked")

    assert mail["template"] == "security_alert"


async def test_an_unknown_address_that_is_locked_is_the_same_work_and_no_mail(given):
    me, known, unknown = await given.an_account(), [], []
    for email, found in ((me.email, known), (new_email(), unknown)):
        somebody = await given.somebody()
        for _ in range(5):
            response = await somebody.post("/api/v1/auth/login", json={"email": email, "password": "wrong"})
            found.append([(job.task, job.state) for job in await given.jobs.drain(response)])
        assert bool(await mails_to(somebody, email, wait=0, subject="locked")) is (email == me.email)

    assert known == unknown == [[], [], [], [], [("sendSecurityAlert", "completed")]]


async def test_a_refresh_token_that_is_used_again_is_told(given):
    me = await given.an_account()
    tokens = [me.tokens["refreshToken"]]
    for _ in range(2):
        response = await me.post("/api/v1/auth/refresh", refreshToken=tokens[-1])
        tokens.append(response.json()["refreshToken"])
    assert (await me.post("/api/v1/auth/refresh", refreshToken=tokens[0])).status_code == 401

    [mail] = await mails_to(me.http, me.email, subject="session")

    assert mail["template"] == "security_alert"


async def test_a_new_role_and_a_disabled_account_are_told(given):
    root, me = await given.root(), await given.an_account()
    path = f"/api/v1/users/{me.id}"

    await root.patch(path, expectedVersion=1, role="admin")
    assert await mails_to(root.http, me.email, subject="new role")
    await root.patch(path, expectedVersion=2, disabled=True)
    assert await mails_to(root.http, me.email, subject="disabled")

    # Disabled already, and the same role: no event, no mail.
    again = await root.patch(path, expectedVersion=3, disabled=True, role="admin", firstName="Grace")
    assert (again.status_code, await given.jobs.drain(again)) == (200, [])


async def test_a_disabled_account_is_told_of_nothing_else(given):
    me = await given.an_account()
    await given.sql("UPDATE accord.users SET disabled_at = now() WHERE id = %s", me.id)

    job = await given.jobs.run("sendSecurityAlert", userId=me.id, event="locked", at="2026-11-30T12:00:00.000000Z")

    assert job.state == "completed"
    assert await mails_to(await given.somebody(), me.email, wait=0, subject="locked") == []
