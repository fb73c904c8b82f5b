"""The page of the guide, served from another port than the service, in a real browser."""

import functools
import http.server
import threading
from pathlib import Path

import guide
import httpx
import pytest
from given import PASSWORD, details

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "your-first-page.md"


@pytest.fixture(scope="module")
def development(service):
    """The URL of a server as somebody starts it who tries the service out."""
    program = service.run("docs-development", "serve", "--port", "0", ENV="development", FLOW_TRANSPORT="local")
    yield program.wait_for(r"listens on (\S+)")
    assert program.stop() == 0, program.output()


@pytest.fixture
def page(development, tmp_path):
    """The URL of the page, which calls the server."""
    [block] = [block for block in guide.blocks(GUIDE) if block.language == "html"]
    (tmp_path / "index.html").write_text(block.text.replace(guide.ADDRESS, development), "utf-8")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_the_first_page_of_the_guide_signs_in_and_shows_the_account(chrome, development, page):
    account = details()
    httpx.post(f"{development}/api/v1/auth/register", json=account, timeout=60).raise_for_status()

    with chrome.new_context() as context:
        tab = context.new_page()
        tab.goto(page)
        tab.fill("[name=email]", account["email"])
        tab.fill("[name=password]", PASSWORD)
        tab.click("button")

        tab.locator("#said", has_text="You are Ada Lovelace, version 1.").wait_for()


def test_the_page_shows_what_the_service_refuses(chrome, page):
    with chrome.new_context() as context:
        tab = context.new_page()
        tab.goto(page)
        tab.fill("[name=email]", "nobody@example.com")
        tab.fill("[name=password]", "not the password")
        tab.click("button")

        tab.locator("#said", has_text="The credentials are not valid").wait_for()
