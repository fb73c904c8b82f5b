"""Flows over NATS: a gateway and a worker, beside the same flow run in the server's own process.

Nothing is pinned here: five programs share the machine as they would anywhere, and local mode does likewise.
"""

import asyncio
import json
import os
import sys
import time
from dataclasses import asdict, dataclass

from benchmarks import load
from benchmarks.machine import percentile
from benchmarks.measure import Figure, Report, Run, Sample, alternate, measured_load, ratios
from benchmarks.programs import Program
from benchmarks.stage import Stage

PATH = "/api/v1/me"
SUBJECT = "bench.echo"
ORDER = ("bare", "local", "ours", "ours", "local", "bare")


@dataclass(frozen=True)
class NatsFlow:
    id: str = "nats_flow"
    order: int = 5
    title: str = "GET /me as a flow over NATS: gateway and worker"

    def measure(self, stage: Stage) -> Report:
        worker = stage.floating("accord", "worker")
        worker.wait_for("(worker is ready)")
        gateway = stage.floating("accord", "gateway", "--port", "0")
        local = stage.floating("accord", "serve", "--port", "0")
        responder = stage.floating(__name__, "respond")
        responder.wait_for("(responds)")
        runs: dict[str, Run] = {
            "bare": lambda: _bare(stage),
            "local": _http(stage, local, {"server": [local.pid]}),
            "ours": _http(stage, gateway, {"gateway": [gateway.pid], "worker": [worker.pid]}),
        }
        try:
            rounds = alternate(runs, stage.effort.rounds, ORDER)
        finally:
            for program in (gateway, worker, local, responder):
                program.stop()
        figures = [
            Figure("ours ÷ local mode", ratios(rounds, "ours", "local"), 0.6),
            Figure("ours ÷ bare request/reply", ratios(rounds, "ours", "bare")),
        ]
        what = {
            "bare": f"bare nats-py request/reply: {stage.effort.clients} requesters, no HTTP, no database",
            "local": "accord serve: the same flow in the server's own process",
            "ours": "accord gateway + accord worker, callers signed",
        }
        return Report(self.id, self.title, what, rounds, figures, ["Nothing is pinned to a core in this row."])


ROW = NatsFlow()


def _http(stage: Stage, program: Program, processes: dict[str, list[int]]) -> Run:
    port, effort = program.port, stage.effort
    requests = [load.request("GET", PATH, account.token) for account in stage.accounts]
    arguments = [{"request": r.decode(), "expected": load.response_to(port, r)[1].decode()} for r in requests]
    plan = load.Plan(port, arguments, seconds=effort.seconds, warm_up=effort.warm_up, pinned=False)
    everyone = processes | {"postgresql": [stage.postgres_pid()], "nats": [stage.nats_pid()]}
    return lambda: measured_load(plan, everyone)


def _bare(stage: Stage) -> Sample:
    effort = stage.effort
    program = stage.floating(__name__, "request", str(effort.clients), str(effort.seconds))
    program.process.wait(60)
    return Sample(**json.loads(program.wait_for(r"(\{.*\})")))


async def _respond() -> None:
    """Answer every request with as many bytes as an account has."""
    import nats  # noqa: PLC0415

    connection = await nats.connect(os.environ["NATS_URL"])
    response = b"x" * 300

    async def respond(message: nats.aio.msg.Msg) -> None:
        await connection.publish(message.reply, response)

    await connection.subscribe(SUBJECT, "bench", respond)
    print("responds", flush=True)
    await asyncio.Event().wait()


async def _request(clients: int, seconds: float) -> None:
    import nats  # noqa: PLC0415

    connection = await nats.connect(os.environ["NATS_URL"])
    latencies: list[float] = []
    question, end = b"x" * 300, time.perf_counter() + seconds

    async def ask() -> None:
        while (sent := time.perf_counter()) < end:
            response = await connection.request(SUBJECT, question, timeout=5)
            assert len(response.data) == 300
            latencies.append(1000 * (time.perf_counter() - sent))

    cpu = time.process_time()
    await asyncio.gather(*(ask() for _ in range(clients)))
    own = 1e6 * (time.process_time() - cpu) / len(latencies)
    latencies.sort()
    sample = Sample(len(latencies) / seconds, percentile(latencies, 50), percentile(latencies, 99), {"requester": own})
    print(json.dumps(asdict(sample)), flush=True)
    await connection.close()


if __name__ == "__main__":
    import uvloop

    match sys.argv[1:]:
        case ["respond"]:
            uvloop.run(_respond())
        case ["request", clients, seconds]:
            uvloop.run(_request(int(clients), float(seconds)))
