import asyncio
import os
import signal
import time

from messaging.flows import CALLER, TRACEPARENT, TRACESTATE, Gateway, echo, start_worker, until

from accord.dispatch import Result


async def test_a_flow_runs_for_the_caller_with_the_inputs(connect, gateway, name):
    seen = []

    async def flow(caller, request, inputs) -> Result:
        seen.append((caller, request.id, request.address, request.user_agent))
        seen.append((request.traceparent, request.tracestate))
        return await echo(caller, request, inputs)

    await start_worker(await connect(), name, flow)

    result = await gateway(name, body={"name": "Ada\n🔑"}, limit=3, cursor=None)

    assert result == Result(
        success=True,
        status=200,
        data={"body": {"name": "Ada\n🔑"}, "limit": 3, "cursor": None},
        trace_events=["SUCCESS"],
    )
    assert seen == [(CALLER, "r-1", "192.0.2.1", "tests"), (TRACEPARENT, TRACESTATE)]


async def test_the_trace_travels_in_headers(connect, gateway, name, raw):
    heard = []

    async def receive(msg) -> None:
        heard.append(msg.headers)

    await raw.subscribe(f"api.v1.tests.{name}.*", cb=receive)
    await raw.flush()
    await start_worker(await connect(), name, echo)
    await gateway(name)
    await until(lambda: heard)

    assert heard == [{"X-Request-Id": "r-1", "traceparent": TRACEPARENT, "tracestate": TRACESTATE}]


async def test_two_workers_share_and_each_request_runs_once(connect, gateway, name):
    ran: list[tuple[str, int]] = []

    def flow_of(worker: str):
        async def flow(caller, request, inputs) -> Result:
            ran.append((worker, inputs["number"]))
            return await echo(caller, request, inputs)

        return flow

    for worker in ("a", "b"):
        await start_worker(await connect(), name, flow_of(worker))
    await until(lambda: len(gateway.workers.alive) == 2)

    results = await asyncio.gather(*(gateway(name, number=number) for number in range(200)))

    assert [result.data["number"] for result in results] == list(range(200))
    assert sorted(number for _, number in ran) == list(range(200))
    assert {worker for worker, _ in ran} == {"a", "b"}


async def test_requests_run_concurrently(connect, gateway, name):
    all_run = asyncio.Barrier(50)

    async def flow(caller, request, inputs) -> Result:
        await all_run.wait()
        return await echo(caller, request, inputs)

    await start_worker(await connect(), name, flow)

    results = await asyncio.gather(*(gateway(name) for _ in range(50)))

    assert all(result.success for result in results)


async def test_without_a_worker_it_is_503_at_once(gateway, name):
    started = time.monotonic()

    result = await gateway(name)

    assert (result.status, result.error_code, result.extensions["retryAfter"]) == (503, "SERVICE_UNAVAILABLE", 1)
    assert time.monotonic() - started < 30


async def test_past_the_deadline_the_response_is_504_and_the_flow_is_cancelled(connect, gateway, name):
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def flow(*_) -> Result:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError

    await start_worker(await connect(), name, flow)

    timeout_seconds = 0.2
    while not begun.is_set():
        result = await gateway(name, timeout_seconds=timeout_seconds)
        assert (result.status, result.error_code) == (504, "TIMEOUT")
        timeout_seconds *= 2  # On a busy machine it may be over before the flow begins.

    await asyncio.wait_for(cancelled.wait(), 60)


async def test_a_flow_that_breaks_the_worker_is_500_and_the_next_one_runs(connect, gateway, name):
    async def flow(caller, request, inputs) -> Result:
        if inputs["breaks"]:
            raise ValueError("the reason")
        return await echo(caller, request, inputs)

    await start_worker(await connect(), name, flow)

    broken, whole = await gateway(name, breaks=True), await gateway(name, breaks=False)

    assert (broken.status, broken.error_code) == (500, "INTERNAL_ERROR")
    assert "reason" not in str(broken)
    assert whole.success


async def test_a_lost_server_ends_waiting_at_once(connect, name, own_server):
    gateway = await Gateway(await connect(own_server.url)).start()
    worker_connection = await connect(own_server.url)
    await until(lambda: worker_connection.is_connected)

    async def flow(*_) -> Result:
        os.kill(own_server.pid, signal.SIGKILL)
        await asyncio.sleep(60)
        raise AssertionError

    worker = await start_worker(worker_connection, name, flow)
    started = time.monotonic()

    result = await gateway(name)

    assert result.status == 503
    assert time.monotonic() - started < 30
    await worker.stop(0)


async def test_a_worker_that_is_full_says_so(connect, gateway, name):
    released = asyncio.Event()

    async def flow(caller, request, inputs) -> Result:
        await released.wait()
        return await echo(caller, request, inputs)

    await start_worker(await connect(), name, flow, max_concurrency=10)

    requests = [asyncio.create_task(gateway(name)) for _ in range(15)]
    await until(lambda: sum(request.done() for request in requests) == 5)
    released.set()
    results = await asyncio.gather(*requests)

    assert sorted(result.status for result in results) == [200] * 10 + [503] * 5


class TestStop:
    async def test_a_stopping_worker_finishes_running_flows(self, connect, gateway, name):
        begun = asyncio.Event()

        async def flow(caller, request, inputs) -> Result:
            begun.set()
            await asyncio.sleep(0.3)
            return await echo(caller, request, inputs)

        worker = await start_worker(await connect(), name, flow)
        running = asyncio.create_task(gateway(name))
        await begun.wait()

        await worker.stop(60)

        assert (await running).success
        assert (await gateway(name)).status == 503

    async def test_flows_past_the_shutdown_timeout_are_cut_off_with_503(self, connect, gateway, name):
        begun = asyncio.Event()

        async def flow(*_) -> Result:
            begun.set()
            await asyncio.sleep(60)
            raise AssertionError

        worker = await start_worker(await connect(), name, flow)
        running = asyncio.create_task(gateway(name))
        await begun.wait()

        await worker.stop(0.1)

        assert (await running).status == 503

    async def test_no_request_is_lost_while_one_of_two_workers_stops(self, connect, gateway, name):
        async def flow(caller, request, inputs) -> Result:
            await asyncio.sleep(0.01)
            return await echo(caller, request, inputs)

        first = await start_worker(await connect(), name, flow)
        await start_worker(await connect(), name, flow)
        results: list[Result] = []
        finished = asyncio.Event()

        async def client() -> None:
            while not finished.is_set():
                results.append(await gateway(name, timeout_seconds=60))

        clients = [asyncio.create_task(client()) for _ in range(20)]
        await until(lambda: len(results) > 50)
        await first.stop(60)
        before = len(results)
        await until(lambda: len(results) > before + 50)
        finished.set()
        await asyncio.gather(*clients)

        assert {result.status for result in results} == {200}
