"""E-3: headers that keep browsers from doing what nobody asked them to."""

import pytest
from raw_http import exchanged

from accord.edge.fast_path.response_head import ResponseHeads
from accord.edge.responses import Response, fields

PATHS = ["/api/v1/meta/version", "/api/v1/me", "/nowhere", "/docs", "/openapi.json", "/livez", "/problems/NOT_FOUND"]


@pytest.mark.parametrize("path", PATHS)
async def test_every_response_has_security_headers(somebody, path):
    headers = (await somebody.get(path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "server" not in headers


@pytest.mark.parametrize("path", ["/api/v1/meta/version", "/api/v1/me", "/nowhere", "/openapi.json"])
async def test_json_loads_nothing(somebody, path):
    response = await somebody.get(path)

    assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


async def test_responses_to_input_that_is_not_http_have_the_headers(service):
    response = await exchanged(service.url, b"GET / HTTP/7.0\r\n\r\n")

    assert (response.status, response.code) == (400, "VALIDATION_ERROR")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/api/v1/meta/version", "no-store"),
        ("/api/v1/me", "no-store"),
        ("/nowhere", "no-store"),
        ("/.well-known/jwks.json", "public, max-age=300"),
        ("/openapi.json", "public, max-age=300"),
        ("/problems/NOT_FOUND", "public, max-age=300"),
    ],
)
async def test_only_what_is_meant_to_be_kept_may_be(somebody, path, kept):
    assert (await somebody.get(path)).headers["cache-control"] == kept


async def test_only_production_promises_that_it_is_reached_by_tls(somebody, in_production, production):
    promise = "max-age=31536000; includeSubDomains; preload"

    for path in ("/api/v1/meta/version", "/nowhere"):
        assert "strict-transport-security" not in (await somebody.get(path)).headers
        assert (await in_production.get(path)).headers["strict-transport-security"] == promise
    assert (await exchanged(production.url, b"nonsense\r\n\r\n")).headers["strict-transport-security"] == promise


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize(
    "write", [lambda response: ResponseHeads(()).head(response, "id", []), lambda response: fields(response, "id", ())]
)
def test_a_header_with_a_line_end_is_never_written(write, end):
    response = Response(200, b"{}", headers=[(b"location", f"/a{end}Set-Cookie: b=c".encode())])

    with pytest.raises(ValueError, match="line end"):
        write(response)
