"""E-9 at the edge: the link to the next page."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from contract_operations import OPERATIONS

from accord.contract import bundle
from accord.contract.references import resolve


def paged(operation) -> bool:
    schema = resolve(bundle.load(), operation.success_schema or {})
    return bool({"totalPages", "nextCursor"} & set(schema.get("properties", {})))


PAGED = [operation for operation in OPERATIONS if paged(operation)]


@pytest.mark.parametrize("operation", PAGED, ids=lambda operation: operation.id)
def test_a_list_documents_its_link_and_its_bounds(operation):
    response = resolve(bundle.load(), operation.definition["responses"]["200"])
    limit = next(parameter.schema for parameter in operation.parameters if parameter.name == "limit")

    assert "Link" in response["headers"]
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 100, 20)


async def test_the_link_repeats_the_filter_and_leads_to_the_end(given):
    root, word = await given.root(), "a+b %_&=é\\"
    for number in range(3):
        name = f"{word}{number}"
        await given.sql("UPDATE accord.users SET last_name = %s WHERE id = %s", name, (await given.an_account()).id)

    seen, link = [], None
    path, query = "/api/v1/users", {"search": word, "limit": "1"}
    while path:
        response = await root.http.get(path, params=query)
        assert response.status_code == 200, response.text
        seen += [user["lastName"] for user in response.json()["items"]]
        link = re.fullmatch(r'<(/[^>]*)>; rel="next"', response.headers.get("link", ""))
        path, query = (link[1], None) if link else (None, None)
        if path:
            told = parse_qs(urlsplit(path).query)
            assert (told["search"], told["limit"]) == ([word], ["1"])

    assert seen == [f"{word}{number}" for number in (2, 1, 0)]


async def test_an_empty_filter_stays_in_the_link(given):
    root = await given.root()
    await given.an_account()

    response = await root.http.get("/api/v1/users?search=&limit=1&")

    cursor = response.json()["nextCursor"]
    assert response.headers["link"] == f'</api/v1/users?search=&limit=1&cursor={cursor}>; rel="next"'


async def test_the_link_of_a_numbered_page_leads_on_by_cursor_alone(given):
    root = await given.root()
    await given.an_account()

    response = await root.http.get("/api/v1/users?page=1&limit=1")

    assert re.fullmatch(r'</api/v1/users\?limit=1&cursor=[^&]+>; rel="next"', response.headers["link"])
