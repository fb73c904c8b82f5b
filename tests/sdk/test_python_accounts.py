"""A store whose account changes while calls are on their way: nothing of one account is sent as another."""

import asyncio
import fcntl
import time
from contextlib import ExitStack, contextmanager

import attrs
import httpx
import pytest
from accord_client import FileTokens, MemoryTokens, SignedOut, Tokens
from accord_client.tokens import LOCK_TIMEOUT, MARGIN, REFRESH_TIMEOUT
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
    assert REFRESH_TIMEOUT <= time.monotonic() - began < LOCK_TIMEOUT
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


@contextmanager
def another_writes(path):
    """Hold the lock that a process holds while it writes to the file of a store."""
    with path.with_name(f"{path.name}.write").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_a_process_frozen_during_a_write_does_not_keep_others_from_signing_in(tmp_path):
    path, tokens = tmp_path / "tokens", Tokens("access", "refresh", 1.0, 1.0)
    store = FileTokens(path, write_timeout=0.05)

    with another_writes(path):
        began = time.monotonic()
        store.save(tokens)
        waited = time.monotonic() - began

    assert waited >= 0.05
    assert store.load() == tokens


class Noting(FileTokens):
    """A store that notes each write, and waits so long that only a turn of the event loop can end the wait."""

    def __init__(self, path) -> None:
        super().__init__(path, write_timeout=20.0)
        self.path = path
        self.begun: list[str] = []

    def save(self, tokens) -> None:
        self.begun.append("save")
        super().save(tokens)

    def clear(self) -> None:
        self.begun.append("clear")
        super().clear()

    def replace(self, refresh_token, tokens) -> bool:
        self.begun.append("replace")
        return super().replace(refresh_token, tokens)


async def while_another_writes(store, work):
    """Do this while another process writes, until the store waits for it; return the seconds that the work took."""
    with ExitStack() as writing:
        writing.enter_context(another_writes(store.path))
        store.begun.clear()
        began, working = time.monotonic(), asyncio.ensure_future(work)
        await until(lambda: store.begun)
        await asyncio.sleep(0.05)
        assert not working.done()
        writing.close()
        await working
    return time.monotonic() - began


async def test_a_wait_for_another_process_that_writes_leaves_the_event_loop_free(person, password, tmp_path):
    ada = await person()
    store = Noting(tmp_path / "tokens")
    accord = await ada.client(tokens=store)

    signing_in = await while_another_writes(store, accord.sign_in(ada.email, password))
    before = store.load()
    assert before is not None
    store.save(attrs.evolve(before, expires_at=time.time() - 1))
    refreshing = await while_another_writes(store, accord.get_me())
    renewed = store.load()
    signing_out = await while_another_writes(store, accord.sign_out())

    assert max(signing_in, refreshing, signing_out) < 20
    assert renewed is not None
    assert renewed.refresh_token != before.refresh_token
    assert store.load() is None
