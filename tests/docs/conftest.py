"""One browser for all tests of the page; each test has a tab of its own that knows only the service."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from browser import launched
from checked_client import new_address
from playwright.sync_api import Browser, Locator, Page
from running import Service


@dataclass
class Docs:
    """The documentation page in a tab, and whatever it complained about."""

    page: Page
    elsewhere: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self) -> None:
        self.page.goto("/docs")
        self.loaded()

    def loaded(self) -> None:
        self.page.wait_for_selector(".opblock")

    def operation(self, operation_id: str) -> Locator:
        return self.page.locator(f".opblock[id$='-{operation_id}']")

    def try_out(self, operation_id: str, **fields: str) -> int:
        """Open the operation, put the fields into its example, send it, and return the status of the response."""
        block = self.operation(operation_id)
        block.locator(".opblock-summary-control").click()
        block.locator(".try-out__btn").click()
        if fields:
            text = block.locator("textarea.body-param__text")
            body = text.input_value()
            for old, new in fields.items():
                body = body.replace(old, new)
            text.fill(body)
        with self.page.expect_response(lambda response: "/api/" in response.url) as response:
            block.locator(".execute").click()
        block.locator(".live-responses-table").wait_for()
        return response.value.status

    def is_in_reach(self, button: Locator) -> bool:
        """Say whether the whole button can be seen without scrolling sideways; a hidden one takes no room."""
        box = button.bounding_box()
        width = (self.page.viewport_size or {})["width"]
        return box is None or (box["x"] >= 0 and box["x"] + box["width"] <= width)

    def authorize(self, token: str) -> None:
        self.page.locator(".auth-wrapper .authorize").click()
        self.page.locator(".modal-ux input").fill(token)
        self.page.locator(".modal-ux .authorize").click()
        self.page.locator(".modal-ux .btn-done").click()


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    # Not for longer than a module of tests: while it is there, no event loop of ours can run.
    with launched() as running:
        yield running


@pytest.fixture
def docs(chrome: Browser, service: Service) -> Iterator[Docs]:
    with chrome.new_context(base_url=service.url, extra_http_headers={"X-Forwarded-For": new_address()}) as context:
        opened = Docs(context.new_page())

        def only_here(route) -> None:
            url = route.request.url
            if url.startswith((f"{service.url}/", "data:")):
                route.continue_()
            else:
                opened.elsewhere.append(url)
                route.abort()

        context.route("**/*", only_here)
        opened.page.on("console", lambda message: opened.complaints.append(message.text))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        yield opened
        assert opened.elsewhere == []
