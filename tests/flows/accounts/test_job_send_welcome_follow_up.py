from mailbox_of import mails_to


async def test_asks_once_how_it_is_going(given):
    me = await given.an_account(first_name="Ada")

    job = await given.jobs.run("sendWelcomeFollowUp", userId=me.id)

    [mail] = await mails_to(me.http, me.email, subject="going")
    assert (job.state, mail["template"]) == ("completed", "welcome_follow_up")
    assert mail["text"].startswith("Hello Ada,")
