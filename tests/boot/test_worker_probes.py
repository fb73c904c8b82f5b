"""O-4, O-5: a worker with `--port` says how it is as a gateway does, and answers nothing else there."""

import re
from collections.abc import AsyncIterator, Iterator

import httpx
import psutil
import pytest
from processes import once
from raw_http import exchanged, request
from running import Program, Service

pytestmark = once
ADDRESS = r"Accord worker is ready; it listens on (\S+)\n"
HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A gateway, and a worker that can be asked."""
    service = Service(tmp_path_factory.mktemp("split"))
    try:
        service.run("worker", "worker", "--port", "0").wait_for(ADDRESS)
        service.url = service.run("server", "gateway", "--port", "0").wait_for(r"listens on (\S+)")
        yield service
    finally:
        service.stop()


@pytest.fixture
def url(split: Service) -> str:
    return split.programs[0].wait_for(ADDRESS)


@pytest.fixture
async def asked(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the worker, on its machine."""
    async with httpx.AsyncClient(base_url=url) as http:
        yield http


async def sample(asked: httpx.AsyncClient, name: str) -> float:
    """Return what the worker counts under this name and labels; 0 before it was ever counted."""
    page = (await asked.get("/metrics")).text
    found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
    return 0.0 if found is None else float(found[1])


def ports(program: Program) -> list[int]:
    """Return the ports that a process listens on."""
    connections = psutil.Process(program.process.pid).net_connections("inet")
    return [one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN]


async def test_a_worker_is_alive_and_ready(asked):
    for path in ("/livez", "/readyz"):
        response = await asked.get(path)
        assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_the_flows_that_it_runs_are_counted_and_timed(given, split, asked):
    me = await given.of(split).an_account()
    saved = 'accord_flow_seconds_count{operation="updateMe",status="200"}'
    conflicts = 'accord_conflicts_total{table="users"}'
    before = await sample(asked, saved), await sample(asked, conflicts)

    for version in (1, 2, 3):
        assert (await me.patch("/api/v1/me", expectedVersion=version, firstName="Me")).status_code == 200
    assert (await me.patch("/api/v1/me", expectedVersion=1, firstName="Late")).status_code == 409

    assert (await sample(asked, saved), await sample(asked, conflicts)) == (before[0] + 3, before[1] + 1)
    assert await sample(asked, saved.replace("_count", "_sum")) > 0


async def test_metrics_of_pool_sequencer_and_process_are_shown(asked, until):
    states = [await sample(asked, f'accord_pool_connections{{state="{state}"}}') for state in ("idle", "in_use")]

    assert sum(states) >= 1
    assert "accord_pool_waiting 0.0" in (await asked.get("/metrics")).text
    await until(lambda: sample(asked, "accord_sequencer_leading"), lambda leading: leading == 1)
    for name in ("accord_journal_backlog", "accord_sequencer_lag_seconds", "process_resident_memory_bytes"):
        assert f"\n{name} " in (await asked.get("/metrics")).text


async def test_metrics_are_for_this_machine_when_there_is_no_token(asked):
    refused = await asked.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"})

    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize("path", ["/", "/nowhere", "/docs", "/openapi.json", "/problems/NOT_FOUND", "/api/v1/me"])
async def test_other_paths_of_a_worker_are_404(asked, path):
    for method in ("GET", "POST", "OPTIONS"):
        response = await asked.request(method, path)

        assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")
        assert response.headers["content-type"] == "application/problem+json"


async def test_a_worker_has_no_live_socket(url):
    response = await exchanged(url, request("GET", "/api/v1/ws", HANDSHAKE.items()))

    assert (response.status, response.code) == (404, "NOT_FOUND")


async def test_without_the_option_it_listens_nowhere_and_works(given, split):
    quiet = split.run("quiet", "worker", PORT="0")
    quiet.wait_for(r"(Accord worker is ready\.\n)")

    me = await given.of(split).an_account()

    assert ports(quiet) == []
    assert len(ports(split.programs[0])) == 1
    assert split.programs[0].stop() == 0
    assert (await me.get("/api/v1/me")).status_code == 200
    assert quiet.stop() == 0
