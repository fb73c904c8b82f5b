"""RX-1, RX-2: reactions are found by the names of their files, and a service runs them."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from given import Given
from processes import once
from source_copies import copy_sources
from trace_collector import collecting

from accord.boot.reaction_discovery import KINDS, Found, find_reactions

ON = """from accord.context import Context
from accord.journal.entries import Change


async def {name}(context: Context, change: Change) -> None:
    {body}
"""
AFTER = """from accord.context import Context
from accord.journal.readers import Entry


async def {name}(context: Context, entry: Entry) -> None:
    {body}
"""
REACTIONS = {"on_conversations_created": ON, "after_conversations_created": AFTER}


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Found]:
    """The reactions of a package of a test."""
    package = tmp_path / "flows_of_a_test"
    monkeypatch.syspath_prepend(str(tmp_path))
    for file, text in {
        "zoo/on_users_created.py": ON.format(name="on_users_created", body="..."),
        "accounts/on_users_created.py": ON.format(name="on_users_created", body="..."),
        "accounts/after_sessions_event.py": AFTER.format(name="after_sessions_event", body="..."),
        "accounts/after_users_renamed.py": AFTER.format(name="after_users_renamed", body="..."),
        "accounts/on_colours_created.py": ON.format(name="on_colours_created", body="..."),
        "accounts/on_users_deleted.py": AFTER.format(name="on_users_deleted", body="..."),
        "accounts/after_users_created.py": "def after_users_created(context, entry): ...\n",
        "accounts/after_users_updated.py": AFTER.format(name="another", body="..."),
        "accounts/after_users_deleted.py": "import nothing_of_that_name\n",
        "accounts/update_me.py": "",
    }.items():
        (package / file).parent.mkdir(parents=True, exist_ok=True)
        (package / file).write_text(text)
    yield find_reactions(package, package.name)
    for name in [name for name in sys.modules if name.startswith(package.name)]:
        del sys.modules[name]


def test_reactions_are_found_in_the_order_of_domains(found):
    assert [(one.domain, one.table, one.kind) for one in found.in_commit] == [
        ("accounts", "users", "created"),
        ("zoo", "users", "created"),
    ]
    assert [one.reader for one in found.after] == ["accounts.after_sessions_event"]


def test_every_file_that_is_named_like_a_reaction_and_is_none_is_told(found):
    place, is_none = "flows/accounts", "ModuleNotFoundError: No module named 'nothing_of_that_name'"
    signature = "(context: Context, {}) -> None`".format
    assert sorted(found.problems) == [
        f"{place}/after_users_created.py: must define `async def after_users_created{signature('entry: Entry')}",
        f"{place}/after_users_deleted.py cannot be imported: {is_none}",
        f"{place}/after_users_renamed.py: a reaction is named on_ or after_, a table, and one of {', '.join(KINDS)}",
        f"{place}/after_users_updated.py: must define `async def after_users_updated{signature('entry: Entry')}",
        f"{place}/on_colours_created.py: colours is no table",
        f"{place}/on_users_deleted.py: must define `async def on_users_deleted{signature('change: Change')}",
    ]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the source tree with two reactions, as their author adds them."""
    copy_sources(tmp_path, "src", "openapi")
    flows = tmp_path / "src" / "accord" / "flows" / "conversations"
    for (name, form), of in zip(REACTIONS.items(), ("change", "entry"), strict=True):
        note = f'context.journal.event("conversations", {of}.record_id, {{"event": "{name}"}})'
        (flows / f"{name}.py").write_text(form.format(name=name, body=note))
    return tmp_path


@once
async def test_a_service_runs_the_reactions_of_its_files(alone, source, until):
    async with AsyncExitStack() as stack:
        collector = stack.enter_context(collecting())
        service = alone(PYTHONPATH=str(source / "src"), **collector.variables)
        await asyncio.to_thread(service.seed_root)
        await asyncio.to_thread(service.start)
        given = Given(service, stack)
        ada = await given.an_account()
        created = await ada.post("/api/v1/conversations", title="Reactions")
        assert created.status_code == 201
        entries = "SELECT operation, actor_kind, request_id FROM accord.journal WHERE record_id = %s ORDER BY id"

        async def look():
            return await given.sql(entries, created.json()["id"])

        await until(look, lambda rows: len(rows) == 3)
        names = ("dispatch createConversation", *(f"flow conversations.{name}" for name in REACTIONS))
        request, in_commit, after = [await collector.first(name) for name in names]
        health = (await (await given.root()).get("/api/v1/healthcheck")).json()
        metrics = (await asyncio.to_thread(httpx.get, f"{service.url}/metrics", timeout=60)).text

    request_id = created.headers["x-request-id"]
    assert await look() == [
        ("createConversation", "user", request_id),
        ("on_conversations_created", "system", request_id),
        ("after_conversations_created", "system", request_id),
    ]
    assert [in_commit.parent, after.parent] == [request.id, ""]
    assert health["checks"]["reactions"]["status"] == "ok"
    assert 'accord_reader_lag_entries{reader="conversations.after_conversations_created"}' in metrics
