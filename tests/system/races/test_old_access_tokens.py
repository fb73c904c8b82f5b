"""S-6: an access token ends at once in the process that answered and within a second elsewhere, cached or not."""

import asyncio
import time

import pytest
from checked_client import client
from stillness import stillness

TIMEOUT = 1.0


async def is_refused_in_time(account, urls) -> None:
    """Ask every process again and again; whatever is asked after a second must be refused."""
    ended = time.monotonic()
    async with stillness() as machine:
        for url in urls:
            async with client(url, headers=bearer(account)) as http:
                while True:
                    asked, limit = time.monotonic() - ended, TIMEOUT + machine.seconds
                    if (await http.get("/api/v1/me")).status_code == 401:
                        break
                    assert asked < limit, f"{url} accepts the token after {asked:.2f} seconds"
                    await asyncio.sleep(0.05)


async def is_accepted(account, urls) -> None:
    """Have every process verify and keep the token."""
    for url in urls:
        async with client(url, headers=bearer(account)) as http:
            for _ in range(2):
                assert (await http.get("/api/v1/me")).status_code == 200


def bearer(account) -> dict[str, str]:
    return {"authorization": f"Bearer {account.tokens['accessToken']}"}


@pytest.fixture
def everywhere(service, second_url):
    return [service.url, second_url]


async def disable(given, somebody):
    admin = await given.an_admin()
    return await admin.patch(f"/api/v1/users/{somebody.id}", expectedVersion=1, disabled=True)


async def promote(given, somebody):
    root = await given.root()
    return await root.patch(f"/api/v1/users/{somebody.id}", expectedVersion=1, role="admin")


async def delete(given, somebody):
    admin = await given.an_admin()
    return await admin.delete(f"/api/v1/users/{somebody.id}", expectedVersion=1)


async def sign_out(_, somebody):
    return await somebody.post("/api/v1/auth/logout")


async def sign_out_by_refresh_token(given, somebody):
    http = await given.somebody()
    return await http.post("/api/v1/auth/logout", json={"refreshToken": somebody.tokens["refreshToken"]})


async def sign_in_ten_times_more(given, somebody):
    for _ in range(10):
        last = await given.signed_in(somebody.email)
    return await last.get("/api/v1/me")


async def sign_out_elsewhere(given, somebody):
    elsewhere = await given.signed_in(somebody.email)
    return await elsewhere.post("/api/v1/auth/logout-all")


async def reuse_a_refresh_token(given, somebody):
    http = await given.somebody()
    token = somebody.tokens["refreshToken"]
    for _ in range(2):
        response = await http.post("/api/v1/auth/refresh", json={"refreshToken": token})
        token = response.json()["refreshToken"]
    await http.post("/api/v1/auth/refresh", json={"refreshToken": somebody.tokens["refreshToken"]})
    return response


WAYS = [
    disable,
    promote,
    delete,
    sign_out,
    sign_out_by_refresh_token,
    sign_out_elsewhere,
    sign_in_ten_times_more,
    reuse_a_refresh_token,
]


@pytest.mark.parametrize("what", WAYS, ids=lambda what: what.__name__)
async def test_an_old_token_is_refused_at_once_by_the_same_process_and_soon_by_all(given, everywhere, what):
    somebody = await given.an_account()
    await is_accepted(somebody, everywhere)

    response = await what(given, somebody)
    at_once = await somebody.get("/api/v1/me")

    assert response.status_code < 300, response.text
    assert at_once.status_code == 401
    await is_refused_in_time(somebody, everywhere)


async def test_a_token_that_is_looked_up_while_its_session_ends_does_not_stay(given):
    for _ in range(5):
        somebody = await given.an_account()

        await asyncio.gather(somebody.post("/api/v1/auth/logout"), *(somebody.get("/api/v1/me") for _ in range(5)))

        assert (await somebody.get("/api/v1/me")).status_code == 401


async def test_another_session_of_the_person_goes_on(given, everywhere):
    somebody = await given.an_account()
    elsewhere = await given.signed_in(somebody.email)
    await is_accepted(elsewhere, everywhere)

    await somebody.post("/api/v1/auth/logout")

    await is_refused_in_time(somebody, everywhere)
    await is_accepted(elsewhere, everywhere)
