"""L-5: sockets stay open while NATS or the workers are away, and what happened meanwhile arrives on them."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from accord_client import AsyncAccord, MemoryTokens, Tokens
from live_client import open_socket, record_key
from recovery import TIMEOUT, until_well
from system.faults.deployment import TRANSPORT, Deployment, without


@asynccontextmanager
async def without_workers(deployment: Deployment) -> AsyncGenerator[None]:
    """Stop every worker for the length of the block, then wait until the service is whole again."""
    workers = deployment.workers
    await asyncio.gather(*(asyncio.to_thread(worker.stop) for worker in workers))
    try:
        yield
    finally:
        for worker in workers:
            worker.log.unlink()
            worker.start()
        await until_well(deployment)


async def test_sockets_outlive_nats_and_miss_nothing(given, deployment):
    me, version = await given.an_account(), 1
    async with open_socket(deployment.url) as socket:
        await socket.authenticate(me.tokens["accessToken"])
        await socket.subscribe(record_key(me))

        async with without(deployment, deployment.nats):
            if TRANSPORT == "local":  # a gateway has nobody to send a change to
                await me.patch("/api/v1/me", expectedVersion=version, firstName="Meanwhile")
                version = (await socket.expect("change"))["version"]
        saved = await me.patch("/api/v1/me", expectedVersion=version, firstName="Afterwards")

        assert saved.status_code == 200
        assert (await socket.expect("change"))["version"] == version + 1


@pytest.mark.skipif(TRANSPORT != "nats", reason="is about gateways and workers")
async def test_a_subscription_without_a_worker_is_refused_and_the_others_stand(given, deployment):
    me = await given.an_account()
    conversations = f"getList:{me.id}:conversations"
    async with open_socket(deployment.url) as socket:
        await socket.authenticate(me.tokens["accessToken"])
        await socket.subscribe(record_key(me))

        async with without_workers(deployment):
            await socket.send("subscribe", key=conversations)
            refused = await socket.expect("error")
        await socket.subscribe(conversations)
        saved = await me.patch("/api/v1/me", expectedVersion=1, firstName="Afterwards")

        assert (refused["code"], refused["key"]) == ("SERVICE_UNAVAILABLE", conversations)
        assert saved.status_code == 200
        assert ((await socket.expect("change"))["key"], saved.json()["version"]) == (record_key(me), 2)


@pytest.mark.skipif(TRANSPORT != "nats", reason="is about gateways and workers")
async def test_a_follower_of_the_sdk_begins_when_a_worker_is_back(given, deployment):
    me, tokens = await given.an_account(), MemoryTokens()
    tokens.save(Tokens(me.tokens["accessToken"], me.tokens["refreshToken"], time.time() + 3600, 3600.0))
    async with AsyncAccord(deployment.url, tokens=tokens) as accord, AsyncExitStack() as stack:
        async with without_workers(deployment):
            beginning = asyncio.create_task(stack.enter_async_context(accord.live.follow(record_key(me))))
            await asyncio.sleep(2)
            assert not beginning.done()

        changes = await asyncio.wait_for(beginning, TIMEOUT)
        await me.patch("/api/v1/me", expectedVersion=1, firstName="Afterwards")

        assert (await asyncio.wait_for(anext(changes), TIMEOUT)).version == 2
