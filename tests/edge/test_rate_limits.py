"""E-7: named buckets, exact where signing in is guarded, and the address that is counted."""

import asyncio
import re
from uuid import uuid4

import httpx
import pytest
from boot.test_metrics import Growth
from checked_client import new_address
from given import details, new_email
from raw_http import connected, request

VERSION = "/api/v1/meta/version"


def wrong() -> dict[str, str]:
    """Return credentials of nobody: five failures of one address would lock it, which is another matter."""
    return {"email": new_email(), "password": "not the password"}


def client(url: str, *addresses: str) -> httpx.AsyncClient:
    """Return a client behind the proxies that are named after its own address."""
    headers = {"X-Forwarded-For": ", ".join(addresses)} if addresses else {}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=30)


def left(response: httpx.Response) -> int:
    """Return how many requests the bucket still has."""
    return int(re.fullmatch(r'"\w+";r=(\d+);t=\d+', response.headers["ratelimit"])[1])


def policy(response: httpx.Response) -> tuple[str, int, int]:
    """Return the bucket's name, its requests and its seconds."""
    name, count, seconds = re.fullmatch(r'"(\w+)";q=(\d+);w=(\d+)', response.headers["ratelimit-policy"]).groups()
    return name, int(count), int(seconds)


async def test_an_anonymous_client_has_100_requests_in_15_minutes(service):
    async with client(service.url, new_address()) as http:
        responses = [await http.get(VERSION) for _ in range(101)]

    assert [left(response) for response in responses] == [*range(99, -1, -1), 0]
    assert {policy(response) for response in responses} == {("anonymous", 100, 900)}
    assert {response.status_code for response in responses[:100]} == {200}
    refused = responses[100]
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert 600 < int(refused.headers["retry-after"]) == refused.json()["retryAfter"] <= 900


async def test_an_account_has_600_requests_a_minute_from_all_addresses_together(given, service):
    me = await given.an_account()
    authorization = {"Authorization": me.http.headers["authorization"]}

    async with client(service.url, new_address()) as here, client(service.url, new_address()) as there:
        first = await here.get("/api/v1/me", headers=authorization)
        second = await there.get("/api/v1/me", headers=authorization)
        await used(service.url, me, 598)
        refused = await there.get("/api/v1/me", headers=authorization)

    assert policy(first) == ("authenticated", 600, 60)
    assert left(first) - left(second) == 1
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert (await (await given.an_account()).get("/api/v1/me")).status_code == 200


async def used(url: str, me, count: int) -> None:
    """Make so many requests of an account, well within a minute: in a row, without waiting for each response."""
    asked = request("GET", "/api/v1/me", [("Authorization", me.http.headers["authorization"])])
    async with connected(url) as connection:
        while count:
            batch = min(count, 100)
            await connection.send(asked * batch)
            assert {(await connection.response()).status for _ in range(batch)} == {200}
            count -= batch


@pytest.mark.parametrize(
    ("path", "body", "bucket"),
    [
        ("/api/v1/auth/login", wrong(), ("login", 5, 60)),
        ("/api/v1/auth/register", {}, ("register", 3, 3600)),
        ("/api/v1/auth/refresh", {"refreshToken": "x"}, ("refresh", 30, 60)),
    ],
)
async def test_signing_in_has_buckets_of_its_own(service, path, body, bucket):
    async with client(service.url, new_address()) as http:
        responses = [await http.post(path, json=body) for _ in range(bucket[1] + 1)]

    assert {policy(response) for response in responses} == {bucket}
    assert [left(response) for response in responses] == [*range(bucket[1] - 1, -1, -1), 0]
    assert [response.status_code == 429 for response in responses] == [False] * bucket[1] + [True]
    assert responses[-1].json()["code"] == "RATE_LIMIT_EXCEEDED"


async def test_the_login_bucket_is_exact_across_processes_and_restarts(given, service, start_production, production):
    address = new_address()
    async with client(service.url, address) as here, client(production.url, address) as there:
        responses = await asyncio.gather(
            *(http.post("/api/v1/auth/login", json=wrong()) for _ in range(8) for http in (here, there))
        )
    # A start may take as long as the window.
    await given.sql("UPDATE accord.rate_limits SET resets_at = resets_at + interval '1 hour' WHERE key = %s", address)
    again = start_production("edge-restarted")
    async with client(again.url, address) as restarted:
        after = await restarted.post("/api/v1/auth/login", json=wrong())
    assert again.program.stop() == 0

    assert sorted(left(response) for response in responses if response.status_code != 429) == [0, 1, 2, 3, 4]
    assert sum(response.status_code == 429 for response in responses) == 11
    assert (after.status_code, after.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")


async def test_a_full_bucket_refuses_before_the_password_is_looked_at(given, service):
    me, address = await given.an_account(), new_address()
    async with client(service.url, address) as http:
        for _ in range(5):
            await http.post("/api/v1/auth/login", json=wrong())
        response = await http.post("/api/v1/auth/login", json={"email": me.email, "password": given.password})

    assert response.status_code == 429
    assert await given.signed_in(me.email)


@pytest.mark.parametrize(
    "authorization",
    ["Bearer nonsense", "Bearer", "Basic YTpi", 'Digest username="a"', "Unknown", "", "accord_ticket_nonsense"],
)
async def test_a_401_counts_against_its_address_for_any_scheme(service, authorization):
    bad = {"Authorization": authorization}
    async with client(service.url, new_address()) as http:
        responses = [await http.get("/api/v1/me", headers=bad) for _ in range(101)]
        optional = await http.get("/api/v1/auth/session", headers=bad)

    assert [response.status_code for response in responses] == [401] * 100 + [429]
    assert left(responses[0]) == 99
    assert optional.status_code == 429


async def test_a_wrong_metrics_token_counts_too(production):
    async with client(production.url, new_address()) as http:
        responses = [await http.get("/metrics", headers={"Authorization": f"Bearer {n}"}) for n in range(101)]

    assert [response.status_code for response in responses] == [401] * 100 + [429]


async def test_errors_tell_what_is_left_too(given):
    me = await given.an_account()

    for path, status in (("/api/v1/users", 403), (f"/api/v1/users/{uuid4()}", 404)):
        response = await me.get(path)
        assert (response.status_code, policy(response)[0]) == (status, "authenticated")


async def test_requests_outside_operations_are_not_counted(service):
    async with client(service.url, new_address()) as http:
        for path in ("/livez", "/readyz", "/openapi.json", "/docs", "/nowhere"):
            assert "ratelimit" not in (await http.get(path)).headers


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("2001:db8:1:2::1",), ("2001:db8:1:2:ffff::2",), True),
        (("2001:db8:1:3::1",), ("2001:db8:1:4::1",), False),
        (("::ffff:198.51.100.1",), ("198.51.100.1",), True),
        (("198.51.100.2",), ("198.51.100.3",), False),
        # What a client writes stands left of what the trusted proxy saw.
        (("6.6.6.6", "198.51.100.4"), ("7.7.7.7", "198.51.100.4"), True),
        (("198.51.100.5", "127.0.0.1"), ("198.51.100.5",), True),
        (("198.51.100.6", "203.0.113.9", "127.0.0.1"), ("203.0.113.9",), True),
        # Azure and others add the port of the connection; a new connection is no new client.
        (("198.51.100.30:40000",), ("198.51.100.30:40001",), True),
        (("198.51.100.31:40000",), ("198.51.100.32:40000",), False),
        (("198.51.100.33:40000", "127.0.0.1:8080"), ("198.51.100.33",), True),
        (('"198.51.100.34"',), ('"198.51.100.34:80"',), True),
        (("[2001:db8:1:5::1]:40000",), ("2001:db8:1:5::2",), True),
        (('"[2001:db8:1:6::1]:40000"',), ("[2001:DB8:1:6:0::2]",), True),
        (("[2001:db8:1:7::1]:40000",), ("[2001:db8:1:8::1]:40000",), False),
        (("[::ffff:198.51.100.35]:40000",), ("198.51.100.35",), True),
        (("::ffff:c633:6424",), ("198.51.100.36:1",), True),
        (("fe80::1%eth0",), ("[fe80::1%25eth1]:40000",), True),
        (("198.51.100.37 ", "  127.0.0.1"), ("198.51.100.37",), True),
        # RFC 9110, section 5.6.1.2: empty elements of a list are none.
        (("198.51.100.38", "", "127.0.0.1"), (",198.51.100.38,,127.0.0.1,",), True),
        # nginx writes this of a client on its own machine.
        (("198.51.100.39", "unix:"), ("198.51.100.39",), True),
        # A trusted proxy that does not say who its client is, is the client.
        (("198.51.100.7", "unknown"), ("nonsense",), True),
        (("198.51.100.8", ",unknown"), (",,",), True),
        (("198.51.100.9", "[198.51.100.9"), ("198.51.100.09",), True),
        (("198.51.100.9", "2001:db8:40000"), ('"198.51.100.9',), True),
    ],
)
async def test_the_right_most_address_that_is_no_trusted_proxy_is_counted(production, one, other, same):
    # Nobody else asks this server from these addresses: what is left of 100 requests would depend on them.
    async with client(production.url, *one) as first, client(production.url, *other) as second:
        before, after = left(await first.get(VERSION)), left(await second.get(VERSION))

    assert (before - after == 1) == same


async def test_a_trusted_proxy_that_names_no_address_is_told_of_by_doctor_metric_and_log(given, service):
    said = "A trusted proxy names no address in X-Forwarded-For"
    unreadable = await Growth(service).of("accord_unreadable_addresses_total")
    before = service.logs.count(said)
    try:
        async with client(service.url, "198.51.100.50", "_hidden") as http:
            await http.post("/api/v1/auth/login", json=wrong())
            await http.post("/api/v1/auth/login", json=wrong())
        examined = await asyncio.to_thread(service.command, "doctor")
    finally:
        await given.sql("DELETE FROM accord.rate_limits WHERE key = '127.0.0.1' AND bucket IN ('login', 'unreadable')")

    assert await unreadable.now() == 2
    assert "sign-ins in a day came through 127.0.0.1, whose X-Forwarded-For named no address" in examined.stdout
    assert service.logs.count(said) - before <= 1 <= service.logs.count(said)


async def test_several_headers_are_one_list(service):
    address = new_address()
    twice = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", address)]

    async with client(service.url, address) as plain, client(service.url) as http:
        before, after = left(await plain.get(VERSION)), left(await http.get(VERSION, headers=twice))

    assert before - after == 1


async def test_an_untrusted_proxy_cannot_name_another_address(impatient):
    async with client(impatient.url, "198.51.100.20") as one, client(impatient.url, "198.51.100.21") as other:
        before, after = left(await one.get(VERSION)), left(await other.get(VERSION))

    assert before - after == 1


async def test_the_address_that_counts_is_the_one_that_is_kept(given, service):
    address, account = "2001:db8:aa::1", details()
    async with client(service.url, "6.6.6.6", address) as http:
        await http.post("/api/v1/auth/register", json=account)
        await http.post("/api/v1/auth/login", json={name: account[name] for name in ("email", "password")})

    rows = await given.sql(
        "SELECT s.address FROM accord.sessions s JOIN accord.users u ON u.id = s.user_id WHERE u.email = %s",
        account["email"],
    )
    assert [str(row[0]) for row in rows] == [address]
