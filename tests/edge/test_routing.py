"""E-8, and what HTTP asks of every path: exact routes, HEAD, OPTIONS, 405 with Allow, 406."""

import pytest
from contract_operations import OPERATIONS, path_of
from raw_http import connected, exchanged, request

from accord.contract import bundle
from accord.contract.operations import METHODS

PATHS = {path: {m.upper() for m in METHODS if m in item} for path, item in bundle.load()["paths"].items()}


def example(path: str) -> str:
    return path_of(next(operation for operation in OPERATIONS if operation.path == path))


@pytest.mark.parametrize("path", PATHS)
async def test_a_trailing_slash_is_another_path(somebody, path):
    for method in PATHS[path]:
        response = await somebody.request(method, example(path) + "/")
        assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")
        assert "location" not in response.headers


@pytest.mark.parametrize("path", PATHS)
async def test_other_methods_are_405_and_told_which_there_are(somebody, path):
    allowed = PATHS[path] | {"OPTIONS"} | ({"HEAD"} if "GET" in PATHS[path] else set())

    for method in {"GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "TRACE", "PROPFIND"} - allowed:
        response = await somebody.request(method, example(path))
        assert response.status_code == 405
        assert set(response.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize("path", PATHS)
async def test_options_tells_the_methods_without_doing_anything(somebody, path):
    response = await somebody.options(example(path))

    assert (response.status_code, response.content) == (204, b"")
    assert PATHS[path] | {"OPTIONS"} <= set(response.headers["allow"].split(", "))


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/api",
        "/api/v1",
        "/api/v2/me",
        "/API/v1/me",
        "/api/v1/me/",
        "/api/v1//me",
        "//api/v1/me",
        "//evil.example",
        "/api/v1/me%2F",
        "/api%2Fv1/me",
        "/api/v1/users/a%2Fb",
        "/api/v1/../v1/me",
        "/api/v1/me;a=b",
        "/api/v1/%6De",
        "/api/v1/users/",
        "/api/v1/users//stats",
        "/docs/",
        "/docs/../docs",
        "/docs/%2e%2e/%2e%2e/etc/passwd",
        "/.well-known",
        "/metrics/",
        "*",
    ],
)
async def test_an_unknown_path_is_404_and_never_redirected(service, path):
    response = await exchanged(service.url, request("GET", path))

    assert (response.status, response.code) == (404, "NOT_FOUND")
    assert "location" not in response.headers


async def test_an_absolute_target_is_its_path(service):
    response = await exchanged(service.url, request("GET", "http://evil.example/api/v1/meta/version"))

    assert (response.status, response.json()["name"]) == (200, "accord")
    assert b"evil" not in response.body + repr(response.headers).encode()


@pytest.mark.parametrize("path", ["/api/v1/meta/version", "/api/v1/healthcheck", "/livez", "/openapi.json", "/docs"])
async def test_head_is_get_without_the_body(service, path):
    got = await exchanged(service.url, request("GET", path))

    async with connected(service.url) as connection:
        head = await (await connection.send(request("HEAD", path))).response(to_head=True)
        after = await (await connection.send(request("GET", path))).response()

    assert (head.status, head.headers["content-type"]) == (200, got.headers["content-type"])
    assert abs(int(head.headers["content-length"]) - len(got.body)) < 20  # the health check tells its uptime
    assert after.status == 200


async def test_head_of_an_error_has_no_body_either(service):
    async with connected(service.url) as connection:
        head = await (await connection.send(request("HEAD", "/api/v1/me"))).response(to_head=True)
        after = await (await connection.send(request("GET", "/api/v1/meta/version"))).response()

    assert (head.status, head.headers["content-type"]) == (401, "application/problem+json")
    assert after.status == 200


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("APPLICATION/JSON", 200),
        ("*/*", 200),
        ("application/*;q=0.1", 200),
        ("text/html, */*;q=0.8", 200),
        ("text/html, application/json;q=0.5", 200),
        ("", 200),
        ("application/json;q=1;charset=utf-8", 200),
        ("text/html", 406),
        ("application/xml, text/*", 406),
        ("application/json;q=0", 406),
        ("*/*, application/json;q=0", 406),
        ("application/json;q=nonsense", 406),
        ("application/problem+json", 406),
        ("json", 406),
        ("text/html," * 3000, 406),
    ],
)
async def test_an_accept_header_that_rules_json_out_is_406(service, accept, status):
    response = await exchanged(service.url, request("GET", "/api/v1/meta/version", [("Accept", accept)]))

    assert response.status == status
    if status == 406:
        assert response.code == "NOT_ACCEPTABLE"
