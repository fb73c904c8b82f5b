"""The mail of a registration, from the request to the inbox."""

import re
from datetime import timedelta

import httpx
from given import details
from mailbox_of import mails_to


async def test_registration_sends_one_mail_whose_link_has_the_port(given, service):
    somebody, body = await given.somebody(), details(firstName="Ada")
    registered = await somebody.post("/api/v1/auth/register", json=body)

    [job] = await given.jobs.drain(registered)
    [mail] = await mails_to(somebody, body["email"])

    assert (job.task, job.state) == ("sendWelcomeMail", "completed")
    assert (mail["id"], mail["template"]) == (str(job.id), "welcome")
    assert mail["text"].startswith("Hello Ada,")
    # A worker knows the address from the data folder, which other tests may have listened for, too.
    base = re.escape(service.url) if service.transport == "local" else r"http://127\.0\.0\.1:\d+"
    assert [bool(re.fullmatch(f"{base}/", link)) for link in mail["links"]] == [True]
    async with httpx.AsyncClient() as reader:
        assert (await reader.get(f"{service.url}/")).status_code == 307


async def test_an_account_that_an_administrator_creates_gets_the_mail_too(given):
    root, body = await given.root(), details()

    await given.jobs.drain(await root.post("/api/v1/users", **body))

    assert [mail["template"] for mail in await mails_to(root.http, body["email"])] == ["welcome"]


async def test_a_taken_address_gets_no_mail(given):
    me, somebody = await given.an_account(), await given.somebody()
    refused = await somebody.post("/api/v1/auth/register", json=details(email=me.email))

    assert (refused.status_code, await given.jobs.drain(refused)) == (409, [])


async def test_the_follow_up_is_due_after_two_days_and_a_repeat_doubles_nothing(given):
    me = await given.an_account()
    for _ in range(2):
        assert (await given.jobs.run("sendWelcomeMail", userId=me.id)).state == "completed"

    follow_ups = await given.sql(
        "SELECT j.run_at - u.created_at FROM accord.jobs j JOIN accord.users u ON u.id = j.unique_key::uuid"
        " WHERE j.task = 'sendWelcomeFollowUp' AND j.unique_key = %s",
        me.id,
    )
    assert follow_ups == [(timedelta(days=2),)]


async def test_an_account_that_was_deleted_or_disabled_gets_neither(given):
    root, gone, disabled = await given.root(), await given.an_account(), await given.an_account()
    await root.delete(f"/api/v1/users/{gone.id}", expectedVersion=1)
    await root.patch(f"/api/v1/users/{disabled.id}", expectedVersion=1, disabled=True)
    for account in (gone, disabled):
        await root.http.delete("/api/v1/dev/inbox", params={"to": account.email})
        for task in ("sendWelcomeMail", "sendWelcomeFollowUp"):
            assert (await given.jobs.run(task, userId=account.id)).state == "completed"

    templates = [
        [mail["template"] for mail in await mails_to(root.http, account.email, wait=0)] for account in (gone, disabled)
    ]
    assert [set(names) & {"welcome", "welcome_follow_up"} for names in templates] == [set(), set()]
