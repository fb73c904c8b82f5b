"""Who tries the service out is told how to go on, and nobody else is told how it is set up."""

import httpx
import pytest
from checked_client import new_address
from given import details

from accord.edge.pipeline.limits import Limits
from accord.edge.pipeline.request import Request, fields_of
from accord.problems import RateLimitExceeded
from accord.settings import Rate, load


def refusal(environment):
    settings = load({"ENV": environment}, rate_limit_live=Rate(1, 60))
    limits = Limits(settings, database=None)
    limits.check_connection_of("somebody")
    with pytest.raises(RateLimitExceeded) as refused:
        limits.check_connection_of("somebody")
    return refused.value.detail


def test_in_development_a_429_says_how_to_turn_limits_off():
    assert "RATE_LIMIT_ENABLED=false" in refusal("development")


def test_elsewhere_it_does_not():
    assert "RATE_LIMIT" not in refusal("test")


def request_from(address, *headers):
    request = Request("POST", "/api/v1/auth/register", b"", fields_of(list(headers)), address)
    request.address = address
    return request


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1"])
def test_in_development_requests_of_this_machine_are_not_counted(address):
    limits = Limits(load({"ENV": "development"}), database=None)

    assert limits.exempts(request_from(address))


@pytest.mark.parametrize(
    ("environment", "address", "headers"),
    [
        ("development", "192.0.2.7", []),
        ("development", "127.0.0.1", [(b"x-forwarded-for", b"192.0.2.7")]),
        ("development", "", []),
        ("test", "127.0.0.1", []),
    ],
)
def test_every_other_request_is_counted(environment, address, headers):
    limits = Limits(load({"ENV": environment}), database=None)

    assert not limits.exempts(request_from(address, *headers))


async def test_clients_on_this_machine_are_not_limited_in_development(development):
    async with httpx.AsyncClient(base_url=development.url, timeout=60) as http:
        signed_up = [await http.post("/api/v1/auth/register", json=details()) for _ in range(5)]
        elsewhere = {"x-forwarded-for": new_address()}
        refused = [await http.post("/api/v1/auth/register", json=details(), headers=elsewhere) for _ in range(4)]

    assert [response.status_code for response in signed_up] == [201] * 5
    assert [response.status_code for response in refused] == [201] * 3 + [429]
    assert "rate limits by IP address: not for this machine while ENV=development" in development.program.output()
