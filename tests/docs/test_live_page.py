"""The page at /docs/live in a real browser: sign in, follow, cut, and see that nothing was missed."""

from collections.abc import Callable, Iterator

import httpx
import psycopg
import pytest
from checked_client import new_address
from given import PASSWORD, new_email

from accord.contract import bundle


@pytest.fixture
def http(service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, headers={"X-Forwarded-For": new_address()}, timeout=60) as client:
        yield client


@pytest.fixture
def until_told(http, service) -> Callable[[int], None]:
    """`until_told(3)` waits until the service has told those who follow the new account of its version 3."""
    with psycopg.connect(service.database_url) as database:
        [[cursor]] = database.execute(
            "SELECT position || '.' || rpad(left(encode(hash, 'hex'), 8), 8, '0') FROM accord.journal_sequencer"
        ).fetchall()

    def wait(version: int) -> None:
        me = http.get("/api/v1/me").raise_for_status().json()["id"]
        query = {"keys": f"getRecord:users:{me}", "after": cursor}
        with http.stream("GET", "/api/v1/changes/stream", params=query) as stream:
            assert any(f'"version":{version},"kind"' in line for line in stream.iter_lines())

    return wait


@pytest.fixture
def email(http, until_told) -> str:
    """The address of a new account, whose registration is no news any more."""
    body = {"email": new_email(), "password": PASSWORD, "firstName": "Ada", "lastName": "Lovelace"}
    http.post("/api/v1/auth/register", json=body).raise_for_status()
    token = http.post("/api/v1/auth/login", json={"email": body["email"], "password": PASSWORD}).json()["accessToken"]
    http.headers["Authorization"] = f"Bearer {token}"
    until_told(1)
    return body["email"]


def signed_in(docs, email: str) -> None:
    docs.page.goto("/docs/live")
    docs.page.fill("[name=email]", email)
    docs.page.fill("[name=password]", PASSWORD)
    docs.page.click("#sign-in button")
    docs.page.locator("#state", has_text=f"connected as {email}").wait_for()


def save(docs, name: str) -> None:
    docs.page.fill("[name=firstName]", name)
    with docs.page.expect_response(lambda response: response.request.method == "PATCH") as response:
        docs.page.click("#change button")
    assert response.value.status == 200


def row(docs) -> list[str]:
    """Return outcome, version and number of changes of the one key that is followed."""
    cells = docs.page.locator("#keys tr td").all_inner_texts()
    return [cells[1], cells[2], cells[4]]


def test_changes_and_positions_arrive(docs, email):
    signed_in(docs, email)

    docs.page.click("#follow button")
    docs.page.locator("#log .subscribed").wait_for()
    save(docs, "Grace")
    docs.page.locator("#log .change").wait_for()

    assert row(docs) == ["live", "2", "1"]
    assert docs.complaints == []


def test_after_a_cut_what_was_missed_is_shown(docs, email, until_told):
    signed_in(docs, email)
    docs.page.click("#follow button")
    docs.page.locator("#log .subscribed").wait_for()

    docs.page.click("#cut")
    docs.page.locator("#dot.cut").wait_for()
    save(docs, "Grace")
    save(docs, "Augusta")
    assert row(docs) == ["live", "1", "0"]
    until_told(3)
    docs.page.click("#cut")
    docs.page.locator("#log .missed").nth(1).wait_for()
    save(docs, "Ada")
    docs.page.locator("#log .change:not(.missed)").wait_for()

    assert row(docs) == ["replayed", "4", "3"]
    assert docs.complaints == []


def test_a_wrong_password_is_told(docs, email):
    docs.page.goto("/docs/live")
    docs.page.fill("[name=email]", email)
    docs.page.fill("[name=password]", "not the password")
    docs.page.click("#sign-in button")

    docs.page.locator("#who-hint", has_text="The credentials are not valid").wait_for()


def test_fits_the_width_of_a_phone_with_every_button_in_reach(docs, email):
    docs.page.set_viewport_size({"width": 360, "height": 740})
    signed_in(docs, email)
    docs.page.click("#follow button")
    docs.page.locator("#log .subscribed").wait_for()

    assert docs.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert [button for button in docs.page.locator("button").all() if not docs.is_in_reach(button)] == []
    docs.page.click("#keys button")
    assert docs.page.locator("#keys tr").count() == 0


def test_a_single_sign_in_serves_both_pages(docs, email):
    signed_in(docs, email)

    docs.open()
    assert docs.try_out("getMe") == 200
    docs.page.goto("/docs/live")

    docs.page.locator("#state", has_text=f"connected as {email}").wait_for()
    docs.page.locator("#who-hint", has_text="until this tab is closed").wait_for()


def test_a_sign_in_on_the_page_of_the_api_is_good_here(docs, email):
    docs.open()
    example = bundle.load()["paths"]["/api/v1/auth/login"]["post"]["requestBody"]["content"]["application/json"][
        "example"
    ]
    fields = {example["email"]: email, example["password"]: PASSWORD}
    assert docs.try_out("login", **fields) == 200

    docs.page.goto("/docs/live")

    docs.page.locator("#state", has_text=f"connected as {email}").wait_for()


def test_an_ended_session_is_removed_from_the_page(docs, email, http):
    signed_in(docs, email)
    http.post("/api/v1/auth/logout-all").raise_for_status()

    docs.page.reload()

    docs.page.locator("#who-hint", has_text="The session is over").wait_for()
    assert docs.page.evaluate("sessionStorage.length") == 0
    assert docs.page.locator("#state").inner_text() == "not connected"


def test_the_description_of_the_socket_is_served(service):
    response = httpx.get(f"{service.url}/asyncapi.yaml", timeout=60)

    assert (response.status_code, response.headers["content-type"]) == (200, "application/yaml")
    assert response.text.startswith("#")
    assert "asyncapi: 3.0.0" in response.text
