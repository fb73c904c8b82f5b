"""Live fan-out: one change, thousands of sockets that follow the record, beside a bare ASGI broadcast."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks import load, sockets
from benchmarks.machine import LOAD
from benchmarks.measure import Figure, Report, Sample, alternate, ratios
from benchmarks.programs import Program
from benchmarks.rows.patch_me import PATH, Patching
from benchmarks.stage import Stage, ask

SOCKETS = 3000
QUICK_SOCKETS = 200
FRAME = json.dumps(
    {
        "type": "change",
        "key": "getRecord:users:01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f",
        "position": 4242,
        "cursor": "4242.9f3a2b1c",
        "version": 42,
        "kind": "updated",
        "at": "2026-01-31T09:31:00.000000Z",
    },
    separators=(",", ":"),
)
"""What the limit program sends: the bytes that Accord's own frame has."""

__all__ = ["ROW", "Patching", "Posting", "limit"]


class Posting:
    """Asks the limit program to broadcast."""

    def request(self) -> bytes:
        return load.request("POST", "/broadcast", None, b"{}")

    def accepts(self, status: bytes, body: bytes) -> bool:
        return status == b"200" and body == b"{}"


@dataclass(frozen=True)
class LiveFanout:
    id: str = "live_fanout"
    order: int = 9
    title: str = "Live fan-out: one change, 3,000 sockets"

    def measure(self, stage: Stage) -> Report:
        bare = stage.start("benchmarks.serving", __name__, "limit")
        # An Accord of its own: the memory of sockets is looked at, and earlier rows left theirs.
        own = stage.start("accord", "serve", "--port", "0")
        account = stage.accounts[0]
        kib: list[float] = []

        def limit_run() -> Sample:
            return _fan(stage, bare, [], 0, f"{__name__}:Posting", {})[0]

        def ours() -> Sample:
            version = json.loads(ask(own.port, "GET", PATH, token=account.token)[1])["version"]
            greetings = [
                json.dumps({"type": "authenticate", "token": account.token}),
                json.dumps({"type": "subscribe", "key": f"getRecord:users:{account.id}"}),
            ]
            arguments = {"token": account.token, "version": version}
            sample, kib_each = _fan(stage, own, greetings, 3, f"{__name__}:Patching", arguments)
            kib.append(kib_each)
            return sample

        try:
            rounds = alternate({"limit": limit_run, "ours": ours}, stage.effort.rounds)
        finally:
            bare.stop()
            own.stop()
        figures = [
            Figure("ours ÷ limit", ratios(rounds, "ours", "limit"), 0.6),
            # Python keeps the memory of the sockets of the first run for those of the next.
            Figure("memory of an idle socket", [max(kib)], 30, "less", "KiB"),
        ]
        what = {
            "limit": "raw ASGI on the same uvicorn: a list of sockets, and one loop that sends to each",
            "ours": "PATCH /me, journal, sequencer, hub: every socket is signed in and follows the record",
        }
        notes = [f"{_count(stage):,} sockets; “per second” are deliveries, latencies are of one change to all of them."]
        return Report(self.id, self.title, what, rounds, figures, notes)


ROW = LiveFanout()


def _count(stage: Stage) -> int:
    return SOCKETS if stage.effort.clients > QUICK_CLIENTS else QUICK_SOCKETS


QUICK_CLIENTS = 8


def _fan(
    stage: Stage, program: Program, greetings: list[str], responses: int, trigger: str, arguments: dict[str, Any]
) -> tuple[Sample, float]:
    plan = sockets.Plan(
        program.port, program.pid, _count(stage), [greetings], responses, stage.effort.seconds, trigger, arguments
    )
    clients = stage.start("benchmarks.sockets", "fan", json.dumps(asdict(plan)), cores=LOAD)
    clients.process.wait(120)
    done = sockets.Fanned(**json.loads(clients.wait_for(r"(\{.*\})")))
    return Sample(done.per_second, done.p50, done.p99, {"server": done.cpu_us}, done.busy), done.kib_each


Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def limit() -> Callable[[Message, Receive, Send], Awaitable[None]]:
    """Return the application: sockets wait in a set, and POST sends to all of them."""
    everyone: set[Send] = set()

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            everyone.add(send)
            while (await receive())["type"] != "websocket.disconnect":
                pass
            everyone.discard(send)
            return
        for each in list(everyone):
            await each({"type": "websocket.send", "text": FRAME})
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"{}"})

    return application
