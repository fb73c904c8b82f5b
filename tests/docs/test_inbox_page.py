"""The page at /docs/inbox in a real browser: mails appear, hostile ones do nothing."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from given import new_email
from psycopg.types.json import Jsonb

MARKUP = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"


@pytest.fixture
def kept(service) -> Iterator[Callable[..., str]]:
    """`kept(subject="Hello")` keeps a mail to a new address, which it returns."""
    with psycopg.connect(service.database_url, autocommit=True) as database:

        def keep(to: str | None = None, subject: str = "Hello", text: str = "Text", html: str = "", links=()) -> str:
            to = to or new_email()
            database.execute(
                "INSERT INTO accord.inbox (id, at, recipient, recipient_key, subject, template, text, html, links)"
                " VALUES (gen_random_uuid(), now(), %s, %s, %s, 'welcome', %s, %s, %s)",
                (to, to.lower(), subject, text, html, Jsonb(list(links))),
            )
            return to

        yield keep


def opened(docs, to: str) -> None:
    docs.page.goto(f"/docs/inbox?to={to}")
    docs.page.locator("#mails button").first.click()
    docs.page.locator("#mail").wait_for()


def test_a_mail_appears_by_itself_and_is_shown_as_text_and_html_with_its_links(docs, kept):
    to = new_email()
    docs.page.goto(f"/docs/inbox?to={to}")
    docs.page.locator("#hint", has_text="appears here by itself").wait_for()

    kept(
        to, "Your account", "See http://localhost/x", "<p style='color:red'>Dear <b>Ada</b></p>", ["http://localhost/x"]
    )
    docs.page.locator("#mails button", has_text="Your account").click()

    assert docs.page.locator("#text").inner_text() == "See http://localhost/x"
    assert docs.page.frame_locator("#html").locator("b").inner_text() == "Ada"
    assert docs.page.frame_locator("#html").locator("p").evaluate("e => getComputedStyle(e).color") == "rgb(255, 0, 0)"
    assert docs.page.locator("#links a").get_attribute("href") == "http://localhost/x"
    assert docs.complaints == []


def test_a_hostile_mail_runs_no_script_and_loads_nothing(docs, kept):
    to = kept(subject=MARKUP, text=MARKUP, html=f"<p>seen</p>{MARKUP}", links=["javascript:document.title='taken'"])
    opened(docs, to)

    docs.page.frame_locator("#html").locator("p", has_text="seen").wait_for()

    assert docs.page.locator("#subject").inner_text() == MARKUP
    assert docs.page.locator("#links a").get_attribute("href") is None
    assert "taken" not in docs.page.title()
    assert docs.page.locator("main img, main script").count() == 0


def test_the_mails_that_are_shown_can_be_deleted_and_no_others(docs, kept, service):
    to, other = kept(), kept()
    opened(docs, to)

    docs.page.click("#delete")
    docs.page.locator("#hint", has_text="No mail fits yet").wait_for()

    with psycopg.connect(service.database_url) as database:
        found = database.execute(
            "SELECT recipient FROM accord.inbox WHERE recipient = ANY(%s)", ([to, other],)
        ).fetchall()
    assert found == [(other,)]


def test_fits_the_width_of_a_phone_with_every_button_in_reach(docs, kept):
    docs.page.set_viewport_size({"width": 360, "height": 740})
    opened(docs, kept(subject="x" * 300, text="y" * 300))

    assert docs.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert [button for button in docs.page.locator("button").all() if not docs.is_in_reach(button)] == []


def test_a_mail_that_is_opened_on_a_phone_is_in_view_and_a_filter_without_it_closes_it(docs, kept):
    docs.page.set_viewport_size({"width": 390, "height": 800})
    to = new_email()
    for number in range(12):
        kept(to, f"Mail {number}")
    opened(docs, to)

    docs.page.wait_for_function("document.getElementById('subject').getBoundingClientRect().bottom < innerHeight")

    docs.page.fill("#filter [name=subject]", "another")
    docs.page.click("#filter button:not([type])")
    docs.page.locator("#mail").wait_for(state="hidden")
