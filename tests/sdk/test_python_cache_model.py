"""Two people with a cache each, a third without, and a network on which everything goes wrong: SDK-15 in Python.

The service and the network of this model are in `cache_model.py`; the caches, the client and its session are real.
"""

import asyncio
import ssl
import time
from functools import cached_property
from uuid import UUID

import attrs
import httpx
import pytest
from accord_client import AccordError, AsyncAccord, Lost, MemoryTokens, Refused, Tokens
from accord_client.generated.models import (
    CreateOperation,
    DeleteOperation,
    ListInsertOperation,
    RecordPointer,
    SetOperation,
)
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from .cache_model import DAY, TABLE, Loop, Request, Service, Socket, responded

TRUSTED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
RECORDS = [UUID(int=number) for number in (1, 2)]
PAGE = {"text": "<html>Sign in to this network</html>", "headers": {"x-request-id": "1" * 32}}
INSTEAD = {
    "a page of a captive portal": lambda: httpx.Response(200, **PAGE),
    "JSON of somebody else": lambda: httpx.Response(200, json={"ok": True}),
    "a forbidding proxy": lambda: httpx.Response(403, **PAGE),
    "a proxy that knows nothing of it": lambda: httpx.Response(404, json={"code": "NOT_FOUND", "message": "no route"}),
    "a proxy that wants a sign-in": lambda: httpx.Response(401, **PAGE),
    "a proxy without a service": lambda: httpx.Response(502, **PAGE),
    "a proxy's own status": lambda: httpx.Response(520, **PAGE),
    "a fault": lambda: problem(500, "INTERNAL_ERROR"),
    "a restart": lambda: problem(503, "SERVICE_UNAVAILABLE", retryAfter=1),
    "a limit": lambda: problem(429, "RATE_LIMIT_EXCEEDED", retryAfter=2),
    "a slow request": lambda: httpx.Response(408, **PAGE),
    "a timeout": lambda: problem(504, "TIMEOUT"),
}


def problem(status: int, code: str, **more: object) -> httpx.Response:
    told = {"type": "/", "title": code, "status": status, "detail": "", "instance": "", "code": code}
    return responded(status, {**told, "requestId": "2" * 32, **more})


def contents(record: dict) -> set[str]:
    return {record["title"], *record.get("tags", ())}


@attrs.frozen
class Note:
    """What an author knew at the moment of a change."""

    shown: frozenset[UUID]
    seen: dict[UUID, frozenset[str]]
    synced: dict[UUID, int]


class Person:
    """One who uses a cache, and remembers everything that it ever showed."""

    def __init__(self, name: str, service: Service) -> None:
        self.name = name
        self.service = service
        self.tokens = MemoryTokens()
        self.sign_in(name)
        self.accord = AsyncAccord(
            "http://accord",
            tokens=self.tokens,
            retries=0,
            headers={"x-client": name},
            transport=service,
            ssl_context=TRUSTED,
            web_socket=self._connect,
        )
        self.socket: Socket | None = None
        self.cache = self.accord.cache()
        self.seen: dict[UUID, set[str]] = {}
        self.synced: dict[UUID, int] = {}
        self.notes: dict[str, Note] = {}
        self.promises: list[asyncio.Task] = []
        self.reported: set[str] = set()
        self.cache.listen(self.hear)
        self.followers: dict[UUID, asyncio.Task] = {}
        self.lost: set[UUID] = set()

    def sign_in(self, account: str) -> None:
        access, refresh = self.service.token(account), self.service.token(account)
        self.tokens.save(Tokens(access, refresh, time.time() + DAY, DAY))

    def _connect(self, *_args: object, **_options: object) -> Socket:
        self.socket = Socket(self.service)
        return self.socket

    def hear(self, event: object) -> None:
        if isinstance(event, Refused):
            self.reported.add(str(event.transaction_id))
        if isinstance(event, Lost):
            self.lost.add(UUID(event.key[-36:]))
        raise RuntimeError("Listeners may fail.")

    def look(self) -> None:
        """Remember what is shown."""
        for _, record_id in {*self.cache._held._shown, *((TABLE, known) for known in RECORDS)}:
            record = self.cache.get(TABLE, record_id)
            if record is not None:
                self.seen.setdefault(record_id, set()).update(contents(record.to_dict()))
            there = self.service.records.get(str(record_id))
            if not self.cache.pending and (record and record.version) == (there and there["version"]):
                self.synced[record_id] = self.service.position

    def begin(self, work) -> None:
        """Begin a change, and note what its author knew."""
        self.look()
        shown = frozenset(key for key in self.seen if self.cache.get(TABLE, key))
        note = Note(shown, {key: frozenset(seen) for key, seen in self.seen.items()}, dict(self.synced))
        before = {pending.transaction_id for pending in self.cache._held.pending}
        self.promises.append(self.service.loop.create_task(work))
        self.service.loop.settle()
        for pending in self.cache._held.pending:
            if pending.transaction_id not in before:
                self.notes[str(pending.transaction_id)] = note
        self.look()

    def follow(self, record_id: UUID) -> None:
        async def stay() -> None:
            async with self.cache.follow(TABLE, record_id):
                await asyncio.Event().wait()

        if record_id in self.followers:
            self.followers[record_id].cancel()
            self.service.loop.settle()
        self.followers[record_id] = self.service.loop.create_task(stay())


class CacheMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = Loop()
        self.loop.set_exception_handler(lambda _loop, _context: None)
        self.service = Service(self.loop)
        self.service.before_applying = self.check_applied
        self.service.conflicted = self.check_conflict
        for record_id in RECORDS:
            self.service.records[str(record_id)] = {"version": 1, "title": "first", "tags": [], "archivedAt": None}
        self.made = 0

    @cached_property
    def people(self) -> dict[str, Person]:
        return {name: Person(name, self.service) for name in ("ada", "bob")}

    def check_applied(self, request: Request, before: dict) -> None:
        """Nothing unseen is overwritten, and nothing of one account is sent as another."""
        assert request.client == request.account
        note = self.people[request.client].notes[request.body["transactionId"]]
        claims = request.body.get("expectedVersions", {}).get(TABLE, {})
        for (_, record_id), record in before.items():
            key = UUID(record_id)
            assert (key in note.shown) is (record_id in claims)
            if record_id in claims:
                assert contents(record) <= note.seen[key], "overwritten unseen"

    def check_conflict(self, request: Request, record_id: str) -> None:
        """Whoever is refused had not seen what somebody else wrote."""
        note = self.people[request.client].notes[request.body["transactionId"]]
        since = self.service.journal[note.synced.get(UUID(record_id), 0) :]
        others = [entry for entry in since if entry["id"] == record_id and entry["client"] != request.client]
        assert others, "refused for a change of one's own"

    @initialize()
    def begin(self) -> None:
        for person in self.people.values():
            for record_id in RECORDS:
                person.follow(record_id)
        self.calm()
        self.service.is_calm = False

    def word(self) -> str:
        self.made += 1
        return f"word-{self.made}"

    people_ = st.sampled_from(["ada", "bob"])
    records_ = st.sampled_from(RECORDS)

    @rule(
        who=people_,
        record_id=records_,
        kind=st.sampled_from(["title", "tag", "both", "other", "invalid", "delete", "create"]),
    )
    def changes(self, who: str, record_id: UUID, kind: str) -> None:
        person = self.people[who]
        title = SetOperation(table=TABLE, id=record_id, path="title", value=self.word())
        tag = ListInsertOperation(table=TABLE, id=record_id, path="tags", value=self.word(), where="end")
        other = attrs.evolve(title, id=RECORDS[1 - RECORDS.index(record_id)])
        operations = {
            "title": [title],
            "tag": [tag],
            "both": [title, tag],
            "other": [tag, other],
            "invalid": [attrs.evolve(title, value="")],
            "delete": [DeleteOperation(table=TABLE, id=record_id)],
            "create": [CreateOperation(table=TABLE, id=UUID(int=100 + self.made), record={"title": self.word()})],
        }[kind]
        person.begin(person.cache.transact(operations))

    @rule(who=people_)
    def undoes(self, who: str) -> None:
        self.people[who].begin(self.people[who].cache.undo())

    @rule(who=people_)
    def redoes(self, who: str) -> None:
        self.people[who].begin(self.people[who].cache.redo())

    @rule(who=people_)
    def flushes(self, who: str) -> None:
        self.people[who].begin(self.people[who].cache.flush())

    @rule(who=people_)
    def loads(self, who: str) -> None:
        pointers = [RecordPointer(table=TABLE, id=record_id) for record_id in RECORDS]
        self.people[who].begin(self.people[who].cache.load(pointers))

    @rule(record_id=records_)
    def somebody_writes(self, record_id: UUID) -> None:
        if record := self.service.records.get(str(record_id)):
            self.service.elsewhere(str(record_id), title=self.word(), tags=[*record["tags"], self.word()])
            self.settle()

    @precondition(lambda self: self.service.requests)
    @rule(number=st.integers(0, 9), fate=st.sampled_from(["responded", "done", "lost", "cut", *INSTEAD]))
    def network(self, number: int, fate: str) -> None:
        """Any request that is on its way has one of these fates, in any order."""
        request = self.service.requests[number % len(self.service.requests)]
        if fate in ("responded", "done", "cut"):
            self.service.do(request)
        if fate != "done":
            self.service.requests.remove(request)
            self.end(request, fate)
        self.settle()

    def end(self, request: Request, fate: str) -> None:
        if request.future.done():
            return
        if fate in ("lost", "cut"):
            request.future.set_exception(httpx.ReadError("cut"))
        else:
            request.future.set_result(responded(*request.response) if fate == "responded" else INSTEAD[fate]())

    @rule(who=people_, limit=st.integers(1, 4))
    def frames_arrive(self, who: str, limit: int) -> None:
        if socket := self.people[who].socket:
            socket.let_through(limit)
            self.settle()

    @rule(who=people_, number=st.integers(0, 20))
    def a_frame_comes_twice(self, who: str, number: int) -> None:
        socket = self.people[who].socket
        if socket and socket.is_open and socket.past:
            socket.waiting.insert(0, socket.past[number % len(socket.past)])
            socket.let_through(1)
            self.settle()

    @rule(who=people_)
    def the_socket_is_cut(self, who: str) -> None:
        if socket := self.people[who].socket:
            socket.cut()
            self.settle()

    @rule(seconds=st.sampled_from([0.3, 2, 40]))
    def time_passes(self, seconds: float) -> None:
        self.loop.wait(seconds)
        self.settle()

    @rule(who=people_)
    def a_token_expires(self, who: str) -> None:
        if tokens := self.people[who].tokens.load():
            self.service.good_tokens.discard(tokens.access_token)

    @rule(who=people_)
    def a_session_ends(self, who: str) -> None:
        if tokens := self.people[who].tokens.load():
            self.service.good_tokens -= {tokens.access_token, tokens.refresh_token}

    @rule(who=people_, account=st.sampled_from(["ada", "bob"]))
    def signs_in(self, who: str, account: str) -> None:
        self.people[who].sign_in(account)

    def settle(self) -> None:
        self.loop.settle()
        for person in self.people.values():
            person.look()

    def calm(self) -> None:
        """Let everything through."""
        self.service.is_calm = True
        for person in self.people.values():
            if person.socket:
                person.socket.let_through()
        for request in self.service.requests:
            self.service.do(request)
            self.end(request, "responded")
        self.service.requests.clear()
        self.settle()

    def teardown(self) -> None:
        asyncio.set_event_loop(None)
        if "people" not in self.__dict__:
            return
        try:
            self.heal()
            for person in self.people.values():
                self.check_in_the_end(person)
        finally:
            self.close()

    def heal(self) -> None:
        """Let the network work, have everybody sign in as themselves and follow again what they lost."""
        for person in self.people.values():
            person.sign_in(person.name)
        self.calm()
        self.loop.wait(100)
        for person in self.people.values():
            for record_id, follower in person.followers.items():
                if follower.done() or record_id in person.lost:
                    person.follow(record_id)
        self.loop.wait(100)

    def check_in_the_end(self, person: Person) -> None:
        assert person.cache.pending == 0
        assert all(promise.done() for promise in person.promises), "a promise never settled"
        for promise in person.promises:
            assert not promise.exception() or isinstance(promise.exception(), AccordError), promise.exception()
        made = [applied for applied in self.service.applied if applied in person.notes]
        assert len(set(made)) == len(made)
        assert {*made, *person.reported} == person.notes.keys()
        assert not {*made} & person.reported
        for record_id in RECORDS:
            shown, there = person.cache.get(TABLE, record_id), self.service.records.get(str(record_id))
            assert (shown and shown.to_dict()) == (there and {"id": str(record_id), **there})

    def close(self) -> None:
        for person in self.people.values():
            self.loop.create_task(person.accord.close())
        self.loop.wait(60)
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.wait(60)
        self.loop.close()


def run(examples: int, steps: int, *, derandomize: bool) -> None:
    run_state_machine_as_test(
        CacheMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=derandomize,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_cache_loses_and_overwrites_nothing():
    run(150, 40, derandomize=True)


@pytest.mark.fuzz
def test_the_cache_loses_and_overwrites_nothing_in_a_long_run():
    run(5_000, 60, derandomize=False)
