import asyncio

import pytest

from accord.mail.inbox import KEPT


async def inbox(http, **query) -> list[dict]:
    response = await http.get("/api/v1/dev/inbox", params=query)
    assert response.status_code == 200, response.text
    return response.json()["items"]


async def test_a_mail_is_shown_as_its_reader_would_see_it(given, a_mail):
    somebody, to = await given.somebody(), await a_mail("welcome", firstName="Ada")

    [mail] = await inbox(somebody, to=to)

    assert (mail["to"], mail["template"], mail["subject"]) == (to, "welcome", "Your account is ready")
    assert mail["text"].startswith("Hello Ada,")
    assert "<p>" in mail["html"]
    assert [link.startswith("http://127.0.0.1:") for link in mail["links"]] == [True]


async def test_the_filters_take_any_letter_case_and_combine(given, a_mail):
    somebody, to = await given.somebody(), await a_mail("welcome")
    await a_mail("test", to)

    subjects = [
        [mail["subject"] for mail in await inbox(somebody, **query)]
        for query in ({"to": to.upper()}, {"to": to, "subject": "CAN SEND"}, {"to": to, "subject": "%"})
    ]

    assert subjects == [["Accord can send mail", "Your account is ready"], ["Accord can send mail"], []]


async def test_a_request_that_waits_returns_once_a_mail_arrives(given, a_mail):
    somebody = await given.somebody()
    to = await a_mail("test")
    waiting = asyncio.create_task(inbox(somebody, to=to, subject="ready", wait=20))
    while not waiting.done():
        await a_mail("welcome", to)
        await asyncio.wait([waiting], timeout=0.2)

    assert {mail["subject"] for mail in await waiting} == {"Your account is ready"}


async def test_a_request_that_waits_in_vain_returns_nothing_in_time(given):
    somebody = await given.somebody()

    async with asyncio.timeout(15):
        assert await inbox(somebody, to="stranger@example.com", wait=1) == []


async def test_the_newest_500_mails_are_kept(given, a_mail):
    old = await a_mail("test")
    await given.sql(
        "INSERT INTO accord.inbox (id, at, recipient, recipient_key, subject, template, text, html, links)"
        " SELECT gen_random_uuid(), now(), 'a', 'a', 's', 't', '', '', '[]' FROM generate_series(1, %s)",
        KEPT,
    )
    newest = await a_mail("welcome")

    somebody = await given.somebody()
    assert [len(await inbox(somebody, to=to)) for to in (old, newest)] == [0, 1]
    [[kept]] = await given.sql("SELECT count(*) FROM accord.inbox")
    assert KEPT <= kept < KEPT + 20  # Jobs that end at the same time do not see each other's mail.


@pytest.mark.parametrize("wait", ["-1", "21", "soon"])
async def test_a_wait_beyond_the_limit_of_a_request_is_refused(given, wait):
    response = await (await given.somebody()).get("/api/v1/dev/inbox", params={"wait": wait})

    assert response.status_code == 400


async def test_hostile_text_reaches_neither_markup_nor_links(given, a_mail):
    to = await a_mail("welcome", firstName="<img src=https://evil.example>")

    [mail] = await inbox(await given.somebody(), to=to)

    assert "<img" not in mail["html"]
    assert not any("evil" in link for link in mail["links"])
