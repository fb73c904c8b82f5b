"""The page at /docs in a real browser, with everything but the service cut off (C-6)."""

import httpx
from checked_client import new_address
from given import PASSWORD, new_email

from accord.contract import bundle
from accord.contract.operations import operations

OPERATIONS = list(operations(bundle.load()))


def test_lists_every_operation_under_its_tag_without_the_internet(docs):
    docs.open()

    shown = {
        section.locator(".opblock-tag").get_attribute("data-tag"): section.locator(".opblock").count()
        for section in docs.page.locator(".opblock-tag-section").all()
    }
    assert sum(shown.values()) == len(OPERATIONS)
    assert shown == {tag: sum(tag in operation.definition["tags"] for operation in OPERATIONS) for tag in shown}
    assert docs.complaints == []


def test_the_header_has_name_version_promises_and_the_contract(docs):
    docs.open()

    header = docs.page.locator("header").inner_text()
    info = bundle.load()["info"]
    for text in (info["title"], info["version"], "No lost update.", "No lost event."):
        assert text in header
    with docs.page.expect_response("**/openapi.json") as response:
        docs.page.locator("header a", has_text="openapi.json").click()
    assert response.value.status in {200, 304}


def test_an_operation_shows_its_permission(docs):
    docs.open()
    one_of_each = {(operation.access, operation.permission): operation for operation in OPERATIONS}
    expected = {"public": "Needs no sign-in.", "optional": "Signing in is optional."}

    for (access, permission), operation in one_of_each.items():
        block = docs.operation(operation.id)
        block.locator(".opblock-summary-control").click()
        signed_in = "For anyone who is signed in." if permission == "self" else f"Needs the permission {permission}."
        assert expected.get(access, signed_in) in block.locator(".opblock-description").inner_text()

    assert docs.complaints == []


def test_authorize_takes_a_token_and_keeps_it_over_a_reload(docs, service):
    token, email = an_account(service.url)
    docs.open()

    docs.authorize(token)
    docs.page.reload()
    docs.loaded()

    assert docs.try_out("getMe") == 200
    assert email in docs.operation("getMe").locator(".live-responses-table").inner_text()
    assert docs.complaints == []


def test_signing_in_on_the_page_signs_the_page_in(docs):
    docs.open()
    email = new_email()

    assert docs.try_out("register", **{"ada@example.com": email}) == 201
    assert docs.try_out("login", **{"ada@example.com": email}) == 200
    docs.page.reload()
    docs.loaded()
    assert docs.try_out("updateMe") == 200

    assert docs.complaints == []


def test_optional_fields_start_empty(docs):
    docs.open()
    block = docs.operation("updateMe")

    block.locator(".opblock-summary-control").click()
    block.locator(".try-out__btn").click()

    field = block.locator("tr[data-param-name='If-Match'] input")
    assert field.input_value() == ""
    assert 'For example "1"' in block.locator("tr[data-param-name='If-Match']").inner_text()


def test_the_example_of_a_transaction_works_twice_and_for_every_account(docs, service):
    for _ in range(2):
        token, _ = an_account(service.url)
        docs.open()
        docs.authorize(token)
        assert docs.try_out("applyTransaction") == 200
        with docs.page.expect_response("**/transactions") as again:
            docs.operation("applyTransaction").locator(".execute").click()
        assert again.value.status == 200
        docs.page.evaluate("localStorage.clear()")


def test_fits_the_width_of_a_phone_with_every_button_in_reach(docs):
    docs.page.set_viewport_size({"width": 360, "height": 740})
    docs.open()
    block = docs.operation("updateMe")
    block.locator(".opblock-summary-control").click()
    block.locator(".try-out__btn").click()

    assert docs.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert [button.inner_text() for button in block.locator("button").all() if not docs.is_in_reach(button)] == []


def an_account(url: str) -> tuple[str, str]:
    """Return an access token and the address of its account."""
    body = {"email": new_email(), "password": PASSWORD}
    with httpx.Client(base_url=url, headers={"X-Forwarded-For": new_address()}, timeout=60) as http:
        http.post("/api/v1/auth/register", json=body | {"firstName": "Ada", "lastName": "L"}).raise_for_status()
        response = http.post("/api/v1/auth/login", json=body).raise_for_status()
    return response.json()["accessToken"], body["email"]
