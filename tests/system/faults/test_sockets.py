"""L-5: sockets stay open while NATS is away, and what happened meanwhile arrives on them."""

from live_client import open_socket, record_key
from system.faults.deployment import TRANSPORT, without


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
