"""A store whose account changes while calls are on their way: nothing of one account is sent as another."""

import asyncio
import time
from contextlib import ExitStack

import attrs
import httpx
import pytest
from accord_client import FileTokens, MemoryTokens, SignedOut, Tokens, tokens
from accord_client.tokens import LOCK_TIMEOUT, MARGIN, TIMEOUT
from ledger import until


class Held(httpx.AsyncHTTPTransport):
    """Carries requests; the response to a refresh waits until the gate opens."""

    def __init__(self) -> None:
        super().__init__()
        self.responded = asyncio.Event()
        self.let_go = asyncio.Event()
        self.sent: list[tuple[str, str]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append((request.url.path, request.headers.get("authorization", "")))
        response = await super().handle_async_request(request)
        if request.url.path == "/api/v1/auth/refresh":
            await response.aread()
            self.responded.set()
            await self.let_go.wait()
        return response


@pytest.fixture(params=[MemoryTokens, FileTokens])
def store(request, tmp_path):
    return FileTokens(tmp_path / "tokens") if request.param is FileTokens else MemoryTokens()


async def refreshing(person, store):
    """Return Ada, a client of hers, and a call whose refresh was processed, with its response not yet received."""
    ada, transport = await person(), Held()
    store.save(attrs.evolve(ada.tokens.load(), expires_at=time.time() - 1))
    accord = await ada.client(tokens=store, transport=transport)
    call = asyncio.create_task(accord.get_me())
    await transport.responded.wait()
    return ada, accord, transport, call


async def test_signing_in_during_a_refresh_keeps_the_new_session(person, store, password):
    _, accord, transport, call = await refreshing(person, store)
    grace = await person()

    await accord.sign_in(grace.email, password)
    transport.let_go.set()

    with pytest.raises(SignedOut):
        await call
    assert str((await accord.get_me()).id) == grace.id
    tokens = store.load()
    assert tokens is not None
    assert tokens.account == grace.id


async def test_a_waiting_call_is_not_sent_as_another_account(person, store, password):
    _, accord, transport, call = await refreshing(person, store)
    grace = await person()

    await accord.sign_in(grace.email, password)
    transport.let_go.set()
    await asyncio.wait([call])

    assert [path for path, _ in transport.sent if path == "/api/v1/me"] == []


async def test_signing_out_during_a_refresh_stays_signed_out(person, store):
    _, accord, transport, call = await refreshing(person, store)

    store.clear()
    transport.let_go.set()

    with pytest.raises(SignedOut):
        await call
    assert store.load() is None
    assert not (await accord.get_session()).authenticated


async def test_a_refused_refresh_signs_out_only_the_account_that_it_was_of(person, store, password):
    ada, accord, transport, first = await refreshing(person, store)
    transport.let_go.set()
    await first
    await ada.account.post("/api/v1/auth/logout-all")
    transport.let_go.clear()
    transport.responded.clear()
    store.save(attrs.evolve(store.load(), expires_at=time.time() - 1))
    call = asyncio.create_task(accord.get_me())
    await transport.responded.wait()
    grace = await person()

    await accord.sign_in(grace.email, password)
    transport.let_go.set()

    with pytest.raises(SignedOut):
        await call
    assert str((await accord.get_me()).id) == grace.id


async def test_a_token_that_is_still_good_serves_while_a_frozen_client_holds_the_lock(person):
    ada = await person()
    accord = await ada.client()
    ada.expire(expires_at=time.time() + MARGIN - 5)
    assert ada.tokens.try_lock()
    began = time.monotonic()

    me = await accord.get_me()

    assert str(me.id) == ada.id
    assert TIMEOUT <= time.monotonic() - began < LOCK_TIMEOUT
    ada.tokens.unlock()


async def test_without_a_good_token_a_refresh_passes_an_abandoned_lock(person):
    ada = await person()
    accord = await ada.client()
    ada.expire()
    assert ada.tokens.try_lock()
    began = time.monotonic()

    me = await accord.get_me()

    assert str(me.id) == ada.id
    assert time.monotonic() - began >= LOCK_TIMEOUT
    ada.tokens.unlock()


def test_a_process_frozen_during_a_write_does_not_keep_others_from_signing_in(tmp_path, monkeypatch):
    monkeypatch.setattr("accord_client.tokens.WRITE_TIMEOUT", 0.05)
    store, tokens = FileTokens(tmp_path / "tokens"), Tokens("access", "refresh", 1.0, 1.0)

    with FileTokens(tmp_path / "tokens")._alone():
        store.save(tokens)

    assert store.load() == tokens


@pytest.fixture
def refused(monkeypatch):
    """Whoever found a file locked, and looks again for so long that only a turn of the event loop can end it."""
    looks, is_locked = [], tokens._is_locked
    monkeypatch.setattr(tokens, "_is_locked", lambda file: is_locked(file) or looks.append(file) or False)
    monkeypatch.setattr(tokens, "WRITE_TIMEOUT", 20.0)
    return looks


async def while_another_writes(store, refused, work):
    """Do this while another process writes, until it is waited for; return the seconds that it took."""
    with ExitStack() as writing:
        writing.enter_context(store._alone())
        refused.clear()
        began, working = time.monotonic(), asyncio.ensure_future(work)
        await until(lambda: refused)
        writing.close()
        await working
    return time.monotonic() - began


async def test_a_wait_for_another_process_that_writes_leaves_the_event_loop_free(person, password, tmp_path, refused):
    ada = await person()
    store, other = FileTokens(tmp_path / "tokens"), FileTokens(tmp_path / "tokens")
    accord = await ada.client(tokens=store)

    signing_in = await while_another_writes(other, refused, accord.sign_in(ada.email, password))
    before = store.load()
    assert before is not None
    refreshing = await while_another_writes(other, refused, accord._session.access_token(refused=before.access_token))
    signing_out = await while_another_writes(other, refused, accord.sign_out())

    assert max(signing_in, refreshing, signing_out) < tokens.WRITE_TIMEOUT
    assert store.load() is None
