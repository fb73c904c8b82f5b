"""The contract as files: whole, kept by browsers, and there when the page is off (C-1, C-6)."""

import json
from collections.abc import Iterator

import httpx
import pytest
from checked_client import new_address

from accord.contract import bundle
from accord.contract.openapi_3_1 import to_3_1

PUBLIC = {name: part for name, part in bundle.load().items() if name != "x-tasks"}
CONTRACTS = {"/openapi.json": PUBLIC, "/openapi-3.1.json": to_3_1(PUBLIC)}
PAGES = ("/docs", "/docs/docs.js", "/docs/docs.css", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css")


@pytest.fixture
async def http(given):
    return await given.somebody()


@pytest.mark.parametrize("path", CONTRACTS)
async def test_the_contract_is_served_whole(http, path):
    response = await http.get(path)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == json.loads(json.dumps(CONTRACTS[path]))


@pytest.mark.parametrize("path", [*CONTRACTS, *PAGES])
async def test_a_file_the_client_has_is_304(http, path):
    first = await http.get(path)
    tag = first.headers["etag"]

    for held in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = await http.get(path, headers={"If-None-Match": held})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)

    assert first.headers["cache-control"] == "public, max-age=300"
    changed = await http.get(path, headers={"If-None-Match": '"another"'})
    assert (changed.status_code, changed.content) == (200, first.content)


@pytest.mark.parametrize("path", [*CONTRACTS, *PAGES])
async def test_if_match_names_no_file_as_its_tag_is_weak(http, path):
    tag = (await http.head(path)).headers["etag"]

    for requested in (tag, tag.removeprefix("W/")):
        refused = await http.get(path, headers={"If-Match": requested, "If-None-Match": tag})
        assert (refused.status_code, refused.json()["code"]) == (412, "PRECONDITION_FAILED")

    assert (await http.get(path, headers={"If-Match": "*"})).status_code == 200
    # What the method comes to without conditions comes before them.
    assert (await http.post(path, headers={"If-Match": '"x"'})).status_code == 405


@pytest.mark.parametrize("path", ["/openapi.json", "/docs/swagger-ui-bundle.js"])
async def test_files_are_compressed_only_for_clients_that_accept_it(http, path):
    compressed = await http.get(path, headers={"Accept-Encoding": "gzip"})
    plain = await http.get(path, headers={"Accept-Encoding": "identity"})

    assert compressed.headers["content-encoding"] == "gzip"
    assert int(compressed.headers["content-length"]) < len(plain.content) / 2
    assert "content-encoding" not in plain.headers
    assert compressed.content == plain.content
    assert compressed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


async def test_the_page_lets_only_the_service_load_and_nothing_inline(http):
    policy = (await http.get("/docs")).headers["content-security-policy"]

    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["frame-ancestors"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"


async def test_the_root_leads_to_the_page(http):
    response = await http.get("/")

    assert (response.status_code, response.headers["location"]) == (307, "/docs")


async def test_a_page_is_read_and_nothing_else(http):
    response = await http.post("/docs")

    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert (await http.head("/docs")).status_code == 200
    assert (await http.get("/docs/")).status_code == 404
    assert (await http.get("/docs/../docs.js")).status_code == 404


@pytest.fixture(scope="module")
def without_page(service) -> Iterator[list[str]]:
    """Two more servers on the same data: the page turned off, and production, where it is off by itself."""
    programs = [
        service.run("without-page", "serve", "--port", "0", ENABLE_DOCS="false"),
        service.run("production", "serve", "--port", "0", **service.production),
    ]
    yield [program.wait_for(r"listens on (\S+)") for program in programs]
    for program in programs:
        assert program.stop() == 0, program.output()


async def test_the_page_can_be_turned_off_and_is_off_in_production(without_page):
    for url in without_page:
        async with httpx.AsyncClient(base_url=url, headers={"X-Forwarded-For": new_address()}, timeout=60) as http:
            for path in ("/", *PAGES):
                response = await http.get(path)
                assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND"), path
            for path in CONTRACTS:
                assert (await http.get(path)).status_code == 200
