"""The rules of the service, with a network in between on which everything may go wrong, for models of the cache.

No time passes but the one that a test lets pass: `Loop` runs what is ready, and jumps to the next timer when asked to.
"""

import asyncio
import base64
import json
from itertools import count
from types import SimpleNamespace
from typing import Self
from uuid import UUID

import attrs
import httpx

from accord.contract import record_changes

TABLE = "conversations"
NOW = "2026-01-31T09:30:00.000000Z"
DAY = 86_400.0


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands still until it is moved."""

    def __init__(self) -> None:
        self._time = 0.0
        super().__init__()

    def time(self) -> float:
        return self._time

    def settle(self) -> None:
        """Run all that is ready."""
        while self._ready:
            self.call_soon(self.stop)
            self.run_forever()

    def wait(self, seconds: float) -> None:
        """Let time pass, from one timer to the next."""
        end = self._time + seconds
        self.settle()
        while timers := [timer.when() for timer in self._scheduled if not timer.cancelled() and timer.when() <= end]:
            self._time = max(self._time, min(timers))
            self.call_soon(self.stop)
            self.run_forever()
            self.settle()
        self._time = end


class Refused(Exception):
    """A problem of the service."""

    def __init__(self, status: int, code: str, **more: object) -> None:
        super().__init__(code)
        self.status = status
        self.problem = {
            "type": f"/problems/{code}",
            "title": code,
            "status": status,
            "detail": "No.",
            "instance": "/",
            "code": code,
            "requestId": "0" * 32,
            **more,
        }


@attrs.define(eq=False)
class Request:
    """A request on its way. `response` is set once the service has processed it."""

    path: str
    client: str
    account: str
    body: dict
    future: asyncio.Future
    response: tuple[int, dict] | None = None


class Service(httpx.AsyncBaseTransport):
    """Records that all accounts share, their journal, transactions by their ids, sessions, and sockets."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.records: dict[str, dict] = {}
        self.journal: list[dict] = []
        self.history = 1
        self.is_calm = False
        """Whether everything goes through at once."""
        self.transactions: dict[tuple[str, str], tuple[dict, dict]] = {}
        self.requests: list[Request] = []
        self.sockets: list[Socket] = []
        self.good_tokens: set[str] = set()
        self.asks = None
        self.before_applying = None
        self.conflicted = None
        self.applied: list[str] = []
        self._numbers = count(1)

    def token(self, account: str) -> str:
        """Return an access token, with the account in it as in a JWT."""
        claims = base64.urlsafe_b64encode(json.dumps({"sub": account, "n": next(self._numbers)}).encode()).decode()
        token = f"x.{claims.rstrip('=')}.x"
        self.good_tokens.add(token)
        return token

    def account(self, token: str | None) -> str:
        if token not in self.good_tokens:
            raise Refused(401, "TOKEN_EXPIRED")
        return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["sub"]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content or b"{}")
        _, _, token = request.headers.get("authorization", "").partition(" ")
        path = request.url.path.removeprefix("/api/v1/")
        try:
            if path == "auth/refresh":
                return responded(200, self._refreshed(body["refreshToken"]))
            sent = Request(path, request.headers["x-client"], self.account(token), body, self.loop.create_future())
        except Refused as refused:
            return responded(refused.status, refused.problem)
        if self.is_calm:
            self.do(sent)
            return responded(*sent.response)
        self.requests.append(sent)
        return await sent.future

    def _refreshed(self, token: str) -> dict:
        if token not in self.good_tokens:
            raise Refused(401, "INVALID_CREDENTIALS")
        user = {
            "id": str(UUID(int=0)),
            "email": "a@example.com",
            "firstName": "A",
            "lastName": "A",
            "role": "customer",
            "emailVerifiedAt": None,
            "disabledAt": None,
            "createdBy": None,
            "createdAt": NOW,
            "updatedAt": NOW,
            "version": 1,
        }
        tokens = {"accessToken": self.token(self.account(token)), "refreshToken": token}
        return {**tokens, "expiresIn": 900, "tokenType": "Bearer", "user": user}

    def do(self, request: Request) -> None:
        """Do what a request asks, unless it was done."""
        if request.response is None:
            try:
                act = {"records/query": self._query, "transactions": self._transaction}[request.path]
                request.response = 200, act(request)
            except Refused as refused:
                request.response = refused.status, refused.problem

    @property
    def position(self) -> int:
        return len(self.journal)

    def cursor(self, position: int) -> str:
        return f"{position}.{self.history:08x}"

    def found(self, ids) -> dict:
        records = {i: {"id": i, **self.records[i]} for i in ids if i in self.records}
        return {"records": {TABLE: records}, "position": self.position, "cursor": self.cursor(self.position)}

    def _query(self, request: Request) -> dict:
        if self.asks:
            self.asks(request.body)
        return self.found([pointer["id"] for pointer in request.body["pointers"]])

    def _transaction(self, request: Request) -> dict:
        body, key = request.body, (request.account, request.body["transactionId"])
        if key in self.transactions:
            before, response = self.transactions[key]
            if before != body:
                raise Refused(422, "IDEMPOTENCY_KEY_REUSED")
            return response
        response = self._applied(request)
        self.transactions[key] = body, response
        return response

    def _applied(self, request: Request) -> dict:
        body = request.body
        expected = body.get("expectedVersions", {}).get(TABLE, {})
        for record_id, version in expected.items():
            if record_id not in self.records:
                raise Refused(404, "NOT_FOUND")
            if self.records[record_id]["version"] != version:
                if self.conflicted:
                    self.conflicted(request, record_id)
                raise Refused(409, "VERSION_CONFLICT", conflicts=[])
        ids = list(dict.fromkeys(operation["id"] for operation in body["operations"]))
        before = {(TABLE, i): self.records[i] for i in ids if i in self.records}
        try:
            touched = record_changes.apply(before, body["operations"], NOW)
        except record_changes.OperationRefused:
            raise Refused(404, "NOT_FOUND") from None
        if any(record and record.get("title") == "" for record in touched.values()):
            raise Refused(400, "VALIDATION_ERROR", errors=[])
        if self.before_applying:
            self.before_applying(request, before)
        found = self.found([])
        for (_, record_id), record in touched.items():
            self._save(record_id, record, request.client)
        self.applied.append(body["transactionId"])
        return {**found, "records": self.found(ids)["records"]}

    def _save(self, record_id: str, record: dict | None, client: str) -> None:
        before = self.records.pop(record_id, None)
        version = (before["version"] if before else 0) + 1
        if record is not None:
            empty = {"title": "", "tags": [], "archivedAt": None}
            self.records[record_id] = {**empty, **record, "version": version}
        kind = "deleted" if record is None else "updated" if before else "created"
        self.journal.append({"id": record_id, "version": version, "kind": kind, "client": client})
        for socket in self.sockets:
            socket.changed(self.position)

    def backup(self) -> tuple[dict, list, dict]:
        return dict(self.records), list(self.journal), dict(self.transactions)

    def restore(self, backup: tuple[dict, list, dict]) -> None:
        """Go back to a backup, and on from there in another history. Whoever is connected is cut."""
        self.records, self.journal, self.transactions = (type(part)(part) for part in backup)
        self.history += 1
        for socket in list(self.sockets):
            socket.cut()

    def add(self, record_id: str, **fields: object) -> None:
        """Let somebody else create a record."""
        self._save(record_id, fields, "elsewhere")

    def elsewhere(self, record_id: str, **changes: object) -> None:
        """Let somebody else write, who has no cache."""
        self._save(record_id, {**self.records[record_id], **changes} if changes else None, "elsewhere")


class Socket:
    """A live socket. What the service says waits until it is let through; a cut loses it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.waiting: list[dict] = [{"type": "welcome", "serverTime": NOW, "heartbeatSeconds": 25}]
        self.keys: set[str] = set()
        self.is_open = True
        self.past: list[dict] = []
        self._came: asyncio.Queue[str | None] = asyncio.Queue()
        self.transport = SimpleNamespace(abort=self.cut)
        service.sockets.append(self)
        if service.is_calm:
            self.let_through()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        text = await self._came.get() if self.is_open or not self._came.empty() else None
        if text is None:
            raise StopAsyncIteration
        return text

    async def recv(self) -> str:
        try:
            return await self.__anext__()
        except StopAsyncIteration:
            raise OSError("It was cut.") from None

    def cut(self) -> None:
        if self.is_open:
            self.is_open = False
            self.waiting.clear()
            self.service.sockets.remove(self)
            self._came.put_nowait(None)

    def say(self, frame: dict) -> None:
        self.waiting.append(frame)
        if self.service.is_calm:
            self.let_through()

    def let_through(self, limit: int = 1_000_000) -> None:
        for frame in self.waiting[:limit]:
            self._came.put_nowait(json.dumps(frame))
            self.past += [frame] if frame["type"] == "change" else []
        del self.waiting[:limit]

    async def send(self, text: str) -> None:
        frame = json.loads(text)
        if frame["type"] == "authenticate":
            try:
                self.service.account(frame["token"])
                self.say({"type": "authenticated", "userId": "", "expiresAt": "2126-01-31T09:30:00.000000Z"})
            except Refused:
                self.say({"type": "error", "code": "UNAUTHORIZED", "message": "No."})
        elif frame["type"] == "subscribe":
            self._subscribe(frame["key"], frame.get("after"))
        elif frame["type"] == "ping":
            self.say({"type": "pong"})
        elif frame["type"] == "unsubscribe":
            self.keys.discard(frame["key"])

    def _subscribe(self, key: str, after: str | None) -> None:
        service = self.service
        position, _, digits = (after or service.cursor(service.position)).partition(".")
        fits = digits == f"{service.history:08x}" and int(position) <= service.position
        outcome = "live" if after is None else "replayed" if fits else "resync_required"
        self.keys.add(key)
        place = {"position": service.position, "cursor": service.cursor(service.position)}
        self.say({"type": "subscribed", "key": key, "outcome": outcome, **place})
        for number in range(int(position) + 1, service.position + 1) if fits else ():
            self.changed(number)

    def changed(self, position: int) -> None:
        entry = self.service.journal[position - 1]
        told = {"version": entry["version"], "kind": entry["kind"], "at": NOW}
        place = {"position": position, "cursor": self.service.cursor(position)}
        record = f"getRecord:{TABLE}:{entry['id']}"
        about = {"record": {"table": TABLE, "id": entry["id"]}}
        for key in self.keys:
            if key == record or key.startswith("getList:"):
                of_list = about if key != record else {}
                self.say({"type": "change", "key": key, **place, **told, **of_list})


def responded(status: int, body: object) -> httpx.Response:
    kind = "application/json" if status < 300 else "application/problem+json"
    return httpx.Response(status, json=body, headers={"content-type": kind, "x-request-id": "0" * 32})
