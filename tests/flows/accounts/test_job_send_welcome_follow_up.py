from datetime import timedelta

from given import details
from mailbox_of import mails_to

TWO_DAYS = timedelta(days=2)
A_MINUTE = timedelta(minutes=1)


async def test_a_registration_gets_the_follow_up_when_two_days_have_passed_and_no_sooner(given):
    somebody, body = await given.somebody(), details()
    registered = await somebody.post("/api/v1/auth/register", json=body)

    assert [job.task for job in await given.jobs.drain(registered, after=TWO_DAYS - A_MINUTE)] == ["sendWelcomeMail"]
    jobs = await given.jobs.drain(registered, after=A_MINUTE)

    assert [(job.task, job.state) for job in jobs] == [
        ("sendWelcomeMail", "completed"),
        ("sendWelcomeFollowUp", "completed"),
    ]
    assert [mail["template"] for mail in await mails_to(somebody, body["email"])] == ["welcome_follow_up", "welcome"]


async def test_an_account_that_is_disabled_before_the_two_days_are_over_gets_no_follow_up(given):
    root, somebody, body = await given.root(), await given.somebody(), details()
    registered = await somebody.post("/api/v1/auth/register", json=body)
    await given.jobs.drain(registered)
    await root.patch(f"/api/v1/users/{registered.json()['id']}", expectedVersion=1, disabled=True)

    [_, job] = await given.jobs.drain(registered, after=TWO_DAYS)

    mails = await mails_to(somebody, body["email"], wait=0)
    assert (job.task, job.state) == ("sendWelcomeFollowUp", "completed")
    assert "welcome_follow_up" not in [mail["template"] for mail in mails]


async def test_asks_once_how_it_is_going(given):
    me = await given.an_account(first_name="Ada")

    job = await given.jobs.run("sendWelcomeFollowUp", userId=me.id)

    [mail] = await mails_to(me.http, me.email, subject="going")
    assert (job.state, mail["template"]) == ("completed", "welcome_follow_up")
    assert mail["text"].startswith("Hello Ada,")
