"""O-4: what probes and the health check say while something is away."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from system.faults.deployment import TIMEOUT, TRANSPORT, without


@pytest.fixture
async def worker(deployment) -> AsyncIterator[httpx.AsyncClient]:
    """A client of one more worker, which can be asked how it is."""
    more = deployment.run("asked", "worker", "--port", "0")
    try:
        url = await asyncio.to_thread(more.wait_for, r"it listens on (\S+)")
        async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT) as http:
            yield http
    finally:
        deployment.programs.remove(more)
        assert await asyncio.to_thread(more.stop) == 0
        more.log.unlink()


def is_refusal(response):
    """Readiness is looked up a few times a second, and not for each who asks."""
    return response.status_code == 503


def is_success(response):
    """Say whether it is one; a probe gives up soon, and may be late on a machine that is busy."""
    return response.status_code == 200


async def test_every_health_check_is_ok(given, until):
    somebody, admin = await given.somebody(), await given.an_admin()

    assert (await somebody.get("/livez")).json() == {"status": "ok"}
    assert (await until(lambda: somebody.get("/readyz"), is_success)).json() == {"status": "ok"}
    assert (await somebody.get("/api/v1/healthcheck")).json().keys() == {"status", "uptime", "version"}
    health = (await admin.get("/api/v1/healthcheck")).json()
    assert health["status"] == "ok"
    assert {name: check["status"] for name, check in health["checks"].items()} == {
        "database": "ok",
        "messaging": "ok",
        "jobs": "ok",
    }


async def test_without_postgresql_it_lives_is_not_ready_and_says_error(given, deployment, until):
    somebody = await given.somebody()

    async with without(deployment, deployment.postgres):
        started = time.monotonic()
        health = await somebody.get("/api/v1/healthcheck")
        assert time.monotonic() - started < 15
        ready = await until(lambda: somebody.get("/readyz"), is_refusal)

        assert health.json()["status"] == "error"
        assert (ready.status_code, ready.json()["detail"]) == (503, "Not ready: database unreachable.")
        assert "retry-after" in ready.headers
        assert (await somebody.get("/livez")).status_code == 200
        assert (await somebody.get("/api/v1/meta/version")).status_code == 200
        assert (await asyncio.to_thread(httpx.get, f"{deployment.url}/metrics", timeout=TIMEOUT)).status_code == 200

    assert (await somebody.get("/api/v1/healthcheck")).json()["status"] == "ok"


@pytest.mark.skipif(TRANSPORT == "nats", reason="is about a service that runs flows itself")
async def test_without_nats_the_local_mode_is_degraded_and_ready(given, deployment, until):
    admin = await given.an_admin()

    async with without(deployment, deployment.nats):
        health = (await admin.get("/api/v1/healthcheck")).json()

        assert health["status"] == "degraded"
        assert {name: check["status"] for name, check in health["checks"].items()} == {
            "database": "ok",
            "messaging": "error",
            "jobs": "ok",
        }
        await until(lambda: admin.get("/readyz"), is_success)


@pytest.mark.skipif(TRANSPORT != "nats", reason="is about gateways and workers")
async def test_a_gateway_without_nats_is_not_ready(given, deployment, until):
    somebody = await given.somebody()

    async with without(deployment, deployment.nats):
        ready = await until(lambda: somebody.get("/readyz"), is_refusal)

        assert (ready.status_code, ready.json()["detail"]) == (503, "Not ready: no worker responds.")
        assert (await somebody.get("/api/v1/healthcheck")).status_code == 503
        assert (await somebody.get("/livez")).status_code == 200


@pytest.mark.skipif(TRANSPORT != "nats", reason="is about gateways and workers")
async def test_a_gateway_whose_workers_are_all_gone_is_not_ready(given, deployment, until):
    somebody = await given.somebody()
    for worker in deployment.workers:
        assert worker.stop() == 0

    refused = await somebody.get("/api/v1/meta/version")
    ready = await until(lambda: somebody.get("/readyz"), is_refusal)

    assert (ready.status_code, ready.json()["detail"]) == (503, "Not ready: no worker responds.")
    # It is not waited for: NATS says at once that there is none.
    assert refused.json()["detail"].startswith("No worker is running.")
    for worker in deployment.workers:
        worker.log.unlink()
        worker.start()
    for worker in deployment.workers:
        worker.wait_for("(worker is ready)")
    await until(lambda: somebody.get("/readyz"), is_success)


@pytest.mark.skipif(TRANSPORT != "nats", reason="is about gateways and workers")
@pytest.mark.parametrize(("server", "missing"), [("postgres", "database"), ("nats", "messaging")])
async def test_a_worker_is_ready_while_it_has_postgresql_and_nats(deployment, worker, until, server, missing):
    await until(lambda: worker.get("/readyz"), is_success)

    async with without(deployment, getattr(deployment, server)):
        ready = await until(lambda: worker.get("/readyz"), is_refusal)

        assert (ready.status_code, ready.json()["detail"]) == (503, f"Not ready: {missing} unreachable.")
        assert "retry-after" in ready.headers
        assert (await worker.get("/livez")).status_code == 200
        assert (await worker.get("/metrics")).status_code == 200

    await until(lambda: worker.get("/readyz"), is_success)
