import asyncio
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import attrs
import pytest
from accord_client import (
    AsyncAccord,
    FileTokens,
    InvalidCredentials,
    MemoryTokens,
    SignedOut,
    Tokens,
    TokenStore,
    Unauthorized,
)
from accord_client.models import Register
from checked_client import new_address
from given import details

SOURCES = Path(__file__).parents[2] / "clients" / "python" / "src"


async def test_signing_in_saves_the_tokens_and_signing_out_clears_them(person, password):
    ada = await person()
    store = MemoryTokens()
    accord = await ada.client(tokens=store)

    user = await accord.sign_in(ada.email, password)
    me = await accord.get_me()
    tokens = store.load()
    await accord.sign_out()

    assert str(user.id) == str(me.id) == ada.id
    assert tokens is not None
    assert tokens.access_token not in repr(tokens)
    assert store.load() is None
    with pytest.raises(Unauthorized):
        await accord.get_me()


async def test_a_wrong_password_starts_no_session(person):
    ada = await person()
    store = MemoryTokens()
    accord = await ada.client(tokens=store)

    with pytest.raises(InvalidCredentials) as refused:
        await accord.sign_in(ada.email, "not the password")

    assert refused.value.request_id
    assert store.load() is None


@pytest.mark.parametrize("how", [{"expires_at": 0.0}, {"access_token": "not.a.token"}])
async def test_twenty_calls_with_a_bad_token_make_one_refresh(person, how):
    ada = await person()
    accord = await ada.client()
    ada.expire(**how)

    users = await asyncio.gather(*(accord.get_me() for _ in range(20)))

    assert {str(user.id) for user in users} == {ada.id}
    assert await ada.refreshes() == 1


async def test_two_clients_over_one_store_make_one_refresh(person):
    ada = await person()
    first, second = await ada.client(), await ada.client()
    ada.expire()

    await asyncio.gather(*(accord.get_me() for accord in (first, second) for _ in range(10)))

    assert await ada.refreshes() == 1
    assert (await first.get_session()).authenticated


async def test_a_token_is_renewed_before_it_ends(person):
    ada = await person()
    accord = await ada.client()
    ada.expire(expires_at=time.time() + 29)

    await accord.get_me()

    assert await ada.refreshes() == 1
    assert ada.tokens.load().expires_at > time.time() + 100


async def test_a_short_lived_token_is_renewed_in_the_last_tenth_of_its_life(person):
    ada = await person()
    accord = await ada.client()
    ada.expire(expires_at=time.time() + 29, lifetime=100.0)

    await accord.get_me()

    assert await ada.refreshes() == 0


async def test_a_caller_that_is_cancelled_leaves_the_refresh_to_the_others(person):
    ada = await person()
    accord = await ada.client()
    ada.expire()

    first = asyncio.create_task(accord.get_me())
    second = asyncio.create_task(accord.get_me())
    await asyncio.sleep(0)
    first.cancel()

    assert str((await second).id) == ada.id
    assert await ada.refreshes() == 1
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_session_that_is_over_is_told_once_and_cleared(person):
    ada = await person()
    accord = await ada.client()
    await ada.account.post("/api/v1/auth/logout-all")
    ada.expire()

    results = await asyncio.gather(*(accord.get_me() for _ in range(5)), return_exceptions=True)

    assert [type(result) for result in results] == [SignedOut] * 5
    assert ada.tokens.load() is None
    assert not (await accord.get_session()).authenticated


async def test_public_operations_work_when_the_session_is_over(person):
    ada = await person()
    accord = await ada.client()
    await ada.account.post("/api/v1/auth/logout-all")
    ada.expire()

    session = await accord.get_session()

    assert not session.authenticated


async def test_a_token_that_is_still_good_serves_while_the_refresh_cannot(person, proxy):
    ada = await person()
    accord = await ada.client(proxy.url, retries=0)
    ada.expire(expires_at=time.time() + 20)
    proxy.cut_response_of("POST /api/v1/auth/refresh")

    me = await accord.get_me()

    assert str(me.id) == ada.id


async def test_a_custom_store_needs_three_methods(person):
    class Own(TokenStore):
        kept = None

        def load(self):
            return self.kept

        def save(self, tokens):
            self.kept = tokens

        def clear(self):
            self.kept = None

    ada = await person()
    own = Own()
    own.save(attrs.evolve(ada.tokens.load(), expires_at=0.0))
    accord = await ada.client(tokens=own)

    assert str((await accord.get_me()).id) == ada.id


def test_a_file_of_tokens_is_for_its_owner_only(tmp_path):
    store = FileTokens(tmp_path / "folder" / "tokens")
    tokens = Tokens("access", "refresh", 1.0, 2.0)
    store.save(tokens)

    assert stat.S_IMODE((tmp_path / "folder" / "tokens").stat().st_mode) == 0o600
    assert FileTokens(tmp_path / "folder" / "tokens").load() == tokens
    store.clear()
    store.clear()
    assert store.load() is None


@pytest.mark.parametrize("content", ["", "not json", "{}", '{"access_token": 1}', "[]"])
def test_a_foreign_session_file_means_signed_out(tmp_path, content):
    (tmp_path / "tokens").write_text(content)

    assert FileTokens(tmp_path / "tokens").load() is None


CALLS = """
import asyncio, sys
from accord_client import AsyncAccord, FileTokens

async def main(url, path, address):
    async with AsyncAccord(url, tokens=FileTokens(path), headers={"X-Forwarded-For": address}) as accord:
        print("ready", flush=True)
        sys.stdin.readline()
        users = await asyncio.gather(*(accord.get_me() for _ in range(10)))
        print(len({user.id for user in users}), flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_two_processes_over_one_file_make_one_refresh(person, service, tmp_path):
    ada = await person()
    store = FileTokens(tmp_path / "tokens")
    store.save(attrs.evolve(ada.tokens.load(), expires_at=0.0))

    processes = [
        subprocess.Popen(  # noqa: ASYNC220 - it starts at once
            [sys.executable, "-c", CALLS, service.url, str(tmp_path / "tokens"), new_address()],
            env={**os.environ, "PYTHONPATH": str(SOURCES)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    printed = await asyncio.gather(*(asyncio.to_thread(process.communicate, timeout=120) for process in processes))

    assert [out for out, _ in printed] == ["1\n", "1\n"]
    assert await ada.refreshes() == 1
    assert json.loads((tmp_path / "tokens").read_text())["refresh_token"] != ada.tokens.load().refresh_token
    async with AsyncAccord(service.url, tokens=store, headers={"X-Forwarded-For": new_address()}) as accord:
        assert (await accord.get_session()).authenticated


async def test_signing_up_needs_no_session(service):
    async with AsyncAccord(service.url, headers={"X-Forwarded-For": new_address()}) as accord:
        user = await accord.register(Register.from_dict(details()))

    assert (user.role, user.version) == ("customer", 1)
