"""L-5: sockets stay open while NATS or the workers are away, and what happened meanwhile arrives on them."""

import asyncio

import pytest
from live_client import open_socket, record_key
from system.faults.deployment import TRANSPORT, until_well, without


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
    me, workers = await given.an_account(), deployment.workers
    conversations = f"getList:{me.id}:conversations"
    async with open_socket(deployment.url) as socket:
        await socket.authenticate(me.tokens["accessToken"])
        await socket.subscribe(record_key(me))

        await asyncio.gather(*(asyncio.to_thread(worker.stop) for worker in workers))
        try:
            await socket.send("subscribe", key=conversations)
            refused = await socket.expect("error")
        finally:
            for worker in workers:
                worker.log.unlink()
                worker.start()
            await until_well(deployment)
        await socket.subscribe(conversations)
        saved = await me.patch("/api/v1/me", expectedVersion=1, firstName="Afterwards")

        assert (refused["code"], refused["key"]) == ("SERVICE_UNAVAILABLE", conversations)
        assert saved.status_code == 200
        assert ((await socket.expect("change"))["key"], saved.json()["version"]) == (record_key(me), 2)
