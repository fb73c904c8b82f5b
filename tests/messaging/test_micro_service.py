import asyncio
import json

import pytest
from messaging.flows import CALLER, echo, operation, start_worker

from accord.context import ANONYMOUS
from accord.dispatch import Result
from accord.messaging.worker import HEALTHCHECK, VALIDATE


class TestMicroService:
    async def test_every_worker_responds_to_a_ping(self, connect, raw, name):
        for _ in range(2):
            await start_worker(await connect(), name, echo)
        inbox = raw.new_inbox()
        heard = await raw.subscribe(inbox)

        await raw.publish("$SRV.PING.accord", b"", reply=inbox)
        pongs = [json.loads((await heard.next_msg(60)).data) for _ in range(2)]

        assert {pong["type"] for pong in pongs} == {"io.nats.micro.v1.ping_response"}
        assert {(pong["name"], pong["version"]) for pong in pongs} == {("accord", "1.2.3")}
        assert len({pong["id"] for pong in pongs}) == 2

    async def test_the_micro_service_lists_its_endpoints_and_their_statistics(self, connect, gateway, raw, name):
        async def flow(caller, request, inputs) -> Result:
            await asyncio.sleep(0.02)
            if inputs["breaks"]:
                raise ValueError
            return await echo(caller, request, inputs)

        await start_worker(await connect(), name, flow)
        for breaks in (True, False):
            await gateway(name, breaks=breaks)
        identity = json.loads((await raw.request("$SRV.PING.accord", b"", 60)).data)["id"]

        info = json.loads((await raw.request(f"$SRV.INFO.accord.{identity}", b"", 60)).data)
        stats = json.loads((await raw.request(f"$SRV.STATS.accord.{identity}", b"", 60)).data)

        (told,) = [endpoint for endpoint in info["endpoints"] if endpoint["name"] == name]
        assert (told["subject"], told["queue_group"]) == (f"api.v1.tests.{name}", "accord")
        (counted,) = [endpoint for endpoint in stats["endpoints"] if endpoint["name"] == name]
        assert (counted["num_requests"], counted["num_errors"]) == (2, 1)
        assert counted["last_error"] == "INTERNAL_ERROR"
        assert counted["average_processing_time"] > 20_000_000

    async def test_a_stopped_worker_is_not_found(self, connect, raw, name):
        worker = await start_worker(await connect(), name, echo)
        await worker.stop(1)

        response = await raw._request_new_style("$SRV.PING.accord", b"", 60)

        assert response.headers["Status"] == "503"


class TestValidate:
    async def test_a_good_token_gives_its_caller(self, connect, raw, name):
        await start_worker(await connect(), name, echo)

        response = json.loads((await raw.request(VALIDATE, b'{"token": "good"}', 60)).data)

        assert response["success"]
        assert response["data"]["caller"] == {
            "id": CALLER.id,
            "role": "admin",
            "sessionId": CALLER.session_id,
            "permissions": sorted(CALLER.permissions),
        }

    @pytest.mark.parametrize(
        "request_",
        [b"", b"null", b"[]", b"7", b"{}", b'{"token": null}', b'{"token": ["good"]}', b'{"token": "bad"}', b"\xff"],
    )
    async def test_other_requests_of_discovery_are_refused(self, connect, raw, name, request_):
        await start_worker(await connect(), name, echo)

        response = json.loads((await raw.request(VALIDATE, request_, 60)).data)

        assert (response["success"], response["error_code"], response["data"]) == (False, "UNAUTHORIZED", None)


async def test_the_health_check_needs_no_signature_and_is_anonymous(connect, raw):
    callers = []

    async def flow(caller, request, inputs) -> Result:
        callers.append(caller.id)
        return await echo(caller, request, inputs)

    await start_worker(await connect(), operation("healthcheck").id, flow)

    response = json.loads((await raw.request(HEALTHCHECK, b"", 60)).data)

    assert response["success"]
    assert callers == [ANONYMOUS.id]
