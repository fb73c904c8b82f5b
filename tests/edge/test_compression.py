"""E-6: responses over 1 KiB are compressed for who accepts that, and never those that have tokens."""

import gzip

import httpx
import pytest
from checked_client import new_address
from contract_operations import OPERATIONS
from given import details
from raw_http import exchanged, request

from accord.contract import bundle
from accord.contract.references import resolve


def echo(size: int) -> bytes:
    """Return a body of so many bytes that comes back as it is."""
    body = b'{"message":"","tags":["%s"]}' % b'","'.join([b"t" * 50] * 10)
    return body.replace(b'"message":""', b'"message":"%s"' % (b"a" * (size - len(body))))


async def asked(service, accept: str | None, body: bytes):
    headers = [("Content-Type", "application/json")] + ([] if accept is None else [("Accept-Encoding", accept)])
    return await exchanged(service.url, request("POST", "/api/v1/meta/echo", headers, body))


@pytest.mark.parametrize("accept", ["gzip", "GZIP", "br, gzip;q=0.5", "*", "gzip, *;q=0"])
async def test_a_large_response_is_compressed_for_a_client_that_accepts_gzip(service, accept):
    body = echo(1200)

    response = await asked(service, accept, body)

    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["vary"] == "Accept-Encoding"
    assert int(response.headers["content-length"]) == len(response.body) < len(body)
    assert gzip.decompress(response.body) == body


@pytest.mark.parametrize("accept", [None, "", "identity", "br", "gzip;q=0", "*;q=0", "*, gzip;q=0", "gzip;q=nonsense"])
async def test_a_response_is_plain_for_a_client_without_gzip(service, accept):
    body = echo(1200)

    response = await asked(service, accept, body)

    assert "content-encoding" not in response.headers
    assert (response.headers["vary"], response.body) == ("Accept-Encoding", body)


async def test_a_small_response_is_plain(service):
    for size, compressed in ((1024, False), (1025, True)):
        response = await asked(service, "gzip", echo(size))
        assert ("content-encoding" in response.headers, "vary" in response.headers) == (compressed, compressed)


def gives_tokens(operation) -> bool:
    properties = resolve(bundle.load(), operation.success_schema or {}).get("properties", {})
    return bool({"accessToken", "refreshToken", "ticket"} & set(properties))


def test_the_operations_that_give_tokens_are_these():
    found = {operation.id for operation in OPERATIONS if gives_tokens(operation)}

    assert found == {"login", "refresh", "createLiveTicket"}


async def test_responses_with_tokens_are_never_compressed(service):
    person = details(firstName="a" * 100, lastName="b" * 100, email=f"{'c' * 60}@{'d' * 60}.{'e' * 60}.example")
    headers = {"X-Forwarded-For": new_address(), "Accept-Encoding": "gzip"}
    async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=30) as http:
        registered = await http.post("/api/v1/auth/register", json=person)
        assert registered.status_code in {201, 409}
        signed_in = await http.post(
            "/api/v1/auth/login", json={"email": person["email"], "password": person["password"]}
        )
        refreshed = await http.post("/api/v1/auth/refresh", json={"refreshToken": signed_in.json()["refreshToken"]})

    for response in (signed_in, refreshed):
        assert response.status_code == 200
        assert len(response.content) > 1024
        assert "content-encoding" not in response.headers
