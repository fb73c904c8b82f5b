import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import pytest
from accord_client import Accord, MemoryTokens, NotFound, SignedOut, VersionConflict, models, record_key
from accord_client.models import CreateConversation, CreateMessage, RecordPointer, SetOperation, UpdateMe
from checked_client import new_address
from given import PASSWORD, details

SOURCES = Path(__file__).parents[2] / "clients" / "python" / "src"


@pytest.fixture
def accord(service):
    with Accord(service.url, headers={"X-Forwarded-For": new_address()}) as made:
        yield made


@pytest.fixture
def me(accord):
    body = details()
    accord.register(models.Register.from_dict(body))
    return accord.sign_in(body["email"], PASSWORD)


def test_blocking_calls_return_what_asynchronous_calls_return(accord, me):
    changed = accord.update_me(UpdateMe(expected_version=me.version, first_name="Grace"))

    assert (changed.first_name, changed.version) == ("Grace", 2)
    assert accord.get_me() == changed


@pytest.mark.usefixtures("me")
def test_errors_come_through(accord):
    accord.update_me(UpdateMe(expected_version=1, first_name="Grace"))

    with pytest.raises(VersionConflict) as conflict:
        accord.update_me(UpdateMe(expected_version=1, first_name="Ada"))

    assert conflict.value.current_version == 2
    accord.sign_out()


@pytest.mark.usefixtures("me")
def test_conflicts_are_resolved_by_threads_at_once(accord):
    plans = accord.create_conversation(CreateConversation(title="Plans"))

    def add(tag):
        return accord.update_with_retry(
            lambda: accord.get_conversation(plans.id),
            lambda read: accord.update_conversation(
                plans.id, models.UpdateConversation(expected_version=read.version, tags=[*read.tags, tag])
            ),
        )

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, [f"tag {n}" for n in range(8)]))

    assert sorted(accord.get_conversation(plans.id).tags) == [f"tag {n}" for n in range(8)]


async def test_threads_with_an_expired_token_make_one_refresh(person, service):
    ada = await person()
    store = MemoryTokens()
    store.save(attrs.evolve(ada.tokens.load(), expires_at=0.0))

    with (
        Accord(service.url, tokens=store, headers={"X-Forwarded-For": new_address()}) as accord,
        ThreadPoolExecutor(8) as threads,
    ):
        users = list(threads.map(lambda _: accord.get_me().id, range(20)))

    assert {str(user) for user in users} == {ada.id}
    assert await ada.refreshes() == 1


async def test_a_session_that_is_over_is_told(person, service):
    ada = await person()
    store = MemoryTokens()
    store.save(attrs.evolve(ada.tokens.load(), expires_at=0.0))
    await ada.account.post("/api/v1/auth/logout-all")

    with (
        Accord(service.url, tokens=store, headers={"X-Forwarded-For": new_address()}) as accord,
        pytest.raises(SignedOut),
    ):
        accord.get_me()


@pytest.mark.usefixtures("me")
def test_lists_are_iterated(accord):
    plans = accord.create_conversation(CreateConversation(title="Plans"))
    for number in range(5):
        accord.create_message(plans.id, CreateMessage(text=str(number)))

    texts = [message.text for message in accord.iterate(accord.list_messages, plans.id, limit=2)]

    assert texts == ["4", "3", "2", "1", "0"]


def versions_of(changes):
    """Leave out that the account is new: that may still be on its way when it begins to be followed."""
    return (change.version for change in changes if change.kind != "created")


def test_changes_are_followed_through_a_cut(accord, me):
    with accord.live.follow(record_key("users", me.id)) as changes:
        for version in (1, 2, 3):
            accord.update_me(UpdateMe(expected_version=version, first_name=f"Name {version}"))
            accord.live.disconnect()
        versions = versions_of(changes)
        assert [next(versions) for _ in range(3)] == [2, 3, 4]


def test_each_thread_follows_for_itself(accord, me):
    ready, found = threading.Barrier(4), []

    def follow():
        with accord.live.follow(record_key("users", me.id)) as changes:
            ready.wait(60)
            found.append(next(versions_of(changes)))

    threads = [threading.Thread(target=follow) for _ in range(3)]
    for thread in threads:
        thread.start()
    ready.wait(60)
    accord.update_me(UpdateMe(expected_version=1, first_name="Grace"))
    for thread in threads:
        thread.join(60)

    assert found == [2, 2, 2]


@pytest.mark.usefixtures("me")
def test_a_refused_key_is_an_error(accord):
    with pytest.raises(NotFound), accord.live.follow(record_key("users", "01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f")):
        pass


def test_leaving_early_ends_the_subscription(accord, me):
    with accord.live.follow(record_key("users", me.id)):
        assert accord.live.is_connected

    assert not accord.live.is_connected


@pytest.mark.usefixtures("me")
def test_the_cache_works(accord):
    plans = accord.create_conversation(CreateConversation(title="Plans"))
    cache = accord.cache()
    cache.load([RecordPointer(table="conversations", id=plans.id)])
    told = []
    end = cache.listen(told.append)

    made = cache.transact([SetOperation(table="conversations", id=plans.id, path="title", value="Better")])
    undone = cache.undo()
    redone = cache.redo()
    end()

    assert (made, undone, redone) == ("made", "made", "made")
    assert cache.get("conversations", plans.id)["title"] == "Better"
    assert accord.get_conversation(plans.id).version == 4
    assert (cache.pending, cache.flush()) == (0, True)
    assert told
    with cache.follow("conversations", plans.id):
        accord.update_conversation(plans.id, models.UpdateConversation(expected_version=4, title="Best"))
        ends = time.monotonic() + 30
        while cache.get("conversations", plans.id)["title"] != "Best" and time.monotonic() < ends:
            time.sleep(0.02)
    assert cache.get("conversations", plans.id)["title"] == "Best"


def test_a_callback_that_would_wait_for_itself_is_told(accord, me):
    cache, failures = accord.cache(), []

    def ask(_event):
        try:
            accord.get_me()
        except RuntimeError as error:
            failures.append(str(error))

    cache.listen(ask)
    cache.put("users", me)

    assert failures == ["A callback of the client must not wait for the client."]


def test_closing_twice_is_closing(service):
    accord = Accord(service.url)
    accord.close()
    accord.close()


INTERRUPTED = """
import sys
from accord_client import Accord

with Accord(sys.argv[1]) as accord:
    try:
        accord.get_version()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
print("closed", flush=True)
"""


def test_an_interrupt_cancels_what_is_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        process = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED, f"http://127.0.0.1:{silent.getsockname()[1]}"],
            env={**os.environ, "PYTHONPATH": str(SOURCES)},
            stdout=subprocess.PIPE,
            text=True,
        )
        asking, _ = silent.accept()
        with asking:
            asking.settimeout(60)
            assert asking.recv(1) == b"G"

            process.send_signal(signal.SIGINT)
            printed, _ = process.communicate(timeout=60)

    assert printed == "interrupted\nclosed\n"
