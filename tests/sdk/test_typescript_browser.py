"""The TypeScript SDK in a browser, on a page of another origin: conflicts, live updates, windows that share tokens."""

import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from browser import launched
from checked_client import new_address
from given import PASSWORD, new_email
from running import Service
from typescript_sdk import FOLDER, built, installed, run

PAGE = FOLDER / "tests" / "page"


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing about it."""

    def log_message(self, *_) -> None:
        pass


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """The origin of the page, with the package bundled into it."""
    folder = installed(tmp_path_factory.mktemp("page"))
    for file in PAGE.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    esbuild = str(built() / "node_modules/esbuild/bin/esbuild")
    run("node", esbuild, "page.ts", "--bundle", "--format=esm", "--outfile=page.js", folder=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def service(origin):
    """A service whose CORS_ORIGINS lists the page; the browser cannot pretend to be many addresses."""
    # Not below pytest's own folder, for the reason that the session's service has.
    with tempfile.TemporaryDirectory(prefix="accord-tests-") as folder:
        running = Service(Path(folder), CORS_ORIGINS=origin, RATE_LIMIT_LOGIN="60/min", RATE_LIMIT_LIVE="60/min")
        try:
            yield running.start()
        finally:
            running.stop()


@pytest.fixture(scope="module")
def chrome():
    with launched() as running:
        yield running


class Person:
    """An account, its windows in one browser, and another client of it elsewhere."""

    def __init__(self, service, origin, context) -> None:
        self.address = f"{origin}/index.html?service={service.url}"
        self.context = context
        self.email = new_email()
        self.complaints = []
        self.requests = []
        headers = {"X-Forwarded-For": new_address()}
        self.elsewhere = httpx.Client(base_url=f"{service.url}/api/v1", headers=headers, timeout=60)
        body = {"email": self.email, "password": PASSWORD, "firstName": "Ada", "lastName": "Lovelace"}
        self.elsewhere.post("/auth/register", json=body).raise_for_status()
        signed_in = self.elsewhere.post("/auth/login", json={"email": self.email, "password": PASSWORD}).json()
        self.elsewhere.headers["Authorization"] = f"Bearer {signed_in['accessToken']}"

    def window(self):
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(f"{request.method} {request.url}"))
        page.goto(self.address)
        page.locator("#log li", has_text="ready").wait_for()
        return page

    def sign_in(self, page) -> None:
        page.fill("[name=email]", self.email)
        page.fill("[name=password]", PASSWORD)
        page.click("#sign-in button")
        page.locator("#edit").wait_for()

    def rename(self, version: int, name: str) -> None:
        body = {"expectedVersion": version, "firstName": name}
        self.elsewhere.patch("/me", json=body).raise_for_status()


@pytest.fixture
def ada(service, origin, chrome):
    context = chrome.new_context()
    person = Person(service, origin, context)
    yield person
    person.elsewhere.close()
    context.close()


def test_a_conflict_is_shown_and_resolved_and_others_are_followed(ada, tmp_path):
    page = ada.window()
    ada.sign_in(page)
    assert page.inner_text("#name") == "Ada Lovelace"

    ada.rename(1, "Augusta")
    page.locator("#name", has_text="Augusta Lovelace").wait_for()
    page.click("#first-name")
    page.fill("#first-name", "Countess")
    ada.rename(2, "Lady")
    page.locator("#name", has_text="Lady Lovelace").wait_for()
    page.click("#edit button")
    page.locator("#why").wait_for()
    page.screenshot(path=tmp_path / "conflict.png")

    assert page.inner_text("#why") == "Somebody changed it: it is at version 3, you saw 2."
    page.click("#mine")
    page.locator("#conflict").wait_for(state="hidden")
    assert page.inner_text("#name") == "Countess Lovelace"
    assert page.inner_text("#version") == "4"
    assert ada.elsewhere.get("/me").json()["firstName"] == "Countess"
    assert ada.complaints == []
    assert (tmp_path / "conflict.png").stat().st_size > 5_000


def test_a_page_that_lost_its_connection_misses_nothing(ada):
    page = ada.window()
    ada.sign_in(page)

    page.evaluate("accord.live.disconnect()")
    ada.rename(1, "Augusta")
    ada.rename(2, "Lady")

    page.locator("#name", has_text="Lady Lovelace").wait_for()
    assert ada.complaints == []


def test_windows_that_share_a_session_refresh_it_once(ada):
    first = ada.window()
    ada.sign_in(first)
    second = ada.window()
    second.locator("#edit").wait_for()
    assert ada.email in second.inner_text("#who")
    begin = "(when) => { window.calls = new Promise(r => setTimeout(r, when - Date.now())).then(() => Promise.all("
    begin += "Array.from({ length: 10 }, () => accord.getMe()))); }"

    first.evaluate("""() => {
        const tokens = JSON.parse(localStorage['accord.tokens']);
        localStorage['accord.tokens'] = JSON.stringify({ ...tokens, expiresAt: Date.now() - 1000 });
    }""")
    when = first.evaluate("Date.now() + 300")
    first.evaluate(begin, when)
    second.evaluate(begin, when)
    responses = [page.evaluate("calls.then((all) => all.map((me) => me.email))") for page in (first, second)]

    assert responses == [[ada.email] * 10] * 2
    assert len([request for request in ada.requests if request.endswith("/api/v1/auth/refresh")]) == 1
    assert ada.complaints == []


def test_a_page_of_an_unlisted_origin_gets_no_response(ada):
    page = ada.window()
    elsewhere = ada.address.replace("127.0.0.1", "localhost", 1)

    page.goto(elsewhere)

    found = page.evaluate("import('./page.js').then(() => 'responded', (error) => error.code)")
    assert found == "CONNECTION_FAILED"
