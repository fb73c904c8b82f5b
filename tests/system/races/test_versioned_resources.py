"""V-4: whatever clients do with versions, stale or not, one after the other or at once, no update is lost."""

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import samples
import versioned
from contract_operations import path_of
from given import Given
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from running import Service
from versioned import Resource

from accord.contract.operations import Operation

CLIENTS = 3
clients = st.integers(0, CLIENTS - 1)


class Versions(RuleBasedStateMachine):
    """Several clients who remember the version that they saw last; the model is the last response of success."""

    service: Service
    resource: Resource

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.given = Given(self.service, self.stack)
        self.gone = False

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()

    @initialize()
    def make_one(self) -> None:
        self.runner.run(self._make_one())

    async def _make_one(self) -> None:
        self.actor = await (self.given.an_account() if self.resource.role == "customer" else self.given.an_admin())
        self.other = await self.given.an_account()
        body = samples.body_of(self.resource.create)
        path = path_of(self.resource.create, **await samples.ids_for([self.resource.create], self.actor, {}))
        response = await self.actor.http.post(path, json=body)
        assert response.status_code == 201, response.text
        self.record = response.json()
        # What is an account is changed by itself, too.
        self.owner = await self.given.signed_in(body["email"]) if "email" in body else self.actor
        self.ids = {self.resource.id_name: self.record["id"]}
        others = {"userId": self.other.id} if self.resource.id_name != "userId" else {}
        self.ids = await samples.ids_for(self.resource.changes, self.actor, self.ids | others)
        self.seen = [self.record["version"]] * CLIENTS

    @rule(client=clients)
    def read(self, client: int) -> None:
        response = self.runner.run(self._read())
        if self.gone:
            assert response.status_code == 404
        else:
            assert response.json() == self.record
            assert response.headers["etag"] == f'"{self.record["version"]}"'
            self.seen[client] = self.record["version"]

    async def _read(self) -> httpx.Response:
        return await self.actor.http.get(path_of(self.resource.kind.read, **self.ids))

    @rule(client=clients, data=st.data())
    def change(self, client: int, data: st.DataObject) -> None:
        operation, body = self._drawn(data)
        response = self.runner.run(self._send(operation, self.seen[client], body))
        self._judge(response, operation, self.seen[client], body)
        if response.is_success and not self.gone:
            self.seen[client] = self.record["version"]

    # Without a precondition: who wins a race is chance, and must not decide what Hypothesis draws next.
    @rule(data=st.data())
    def race(self, data: st.DataObject) -> None:
        """Let all clients change the current version at once: at most one may, and none after it was deleted."""
        drawn = [self._drawn(data) for _ in range(CLIENTS)]
        version = self.record["version"]
        responses = self.runner.run(self._at_once([self._send(o, version, body) for o, body in drawn]))
        won = [i for i, response in enumerate(responses) if response.is_success]
        assert len(won) <= (0 if self.gone else 1), [response.text for response in responses]
        for i in won:
            self._judge(responses[i], drawn[i][0], version, drawn[i][1])
        for response in responses:
            if response.status_code == 409 and response.json()["code"] == "VERSION_CONFLICT":
                assert won or self.gone
                assert response.json()["currentVersion"] > version

    async def _at_once(self, requests: list[Any]) -> list[httpx.Response]:
        return await asyncio.gather(*requests)

    def _drawn(self, data: st.DataObject) -> tuple[Operation, dict[str, Any]]:
        operation = data.draw(st.sampled_from(self.resource.changes))
        return operation, data.draw(versioned.bodies(operation, {"userId": self.other.id}))

    async def _send(self, operation: Operation, version: int, body: dict[str, Any]) -> httpx.Response:
        # What names nobody in its path is about the caller.
        sender = self.actor if "{" in operation.path else self.owner
        path = path_of(operation, **self.ids)
        if operation.method == "DELETE":
            return await sender.http.request("DELETE", path, params={"expectedVersion": version})
        return await sender.http.request(operation.method, path, json={"expectedVersion": version, **body})

    def _judge(self, response: httpx.Response, operation: Operation, version: int, body: dict[str, Any]) -> None:
        assert response.status_code < 500, response.text
        if not response.is_success:
            if response.json()["code"] == "VERSION_CONFLICT":
                assert response.json()["currentVersion"] == self.record["version"] != version
            return
        assert version == self.record["version"], f"{operation.id} overwrote {self.record} with {body}"
        assert not self.gone
        if response.status_code == 204:
            self.gone = True
            return
        after = response.json()
        assert after["version"] == version + 1
        assert after == after | {name: value for name, value in body.items() if name in after}
        self.record = after


def run(table: str, service: Service, examples: int, steps: int, phases: tuple[Phase, ...] = tuple(Phase)) -> None:
    machine = type("VersionsOf" + table, (Versions,), {"service": service, "resource": versioned.resources()[table]})
    run_state_machine_as_test(
        machine,
        settings=settings(
            deadline=None,
            database=None,
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            phases=phases,
        ),
    )


def test_an_operation_with_a_version_that_belongs_to_no_resource_has_tests_of_its_own():
    tests = Path(__file__).parents[2] / "flows"

    for operation in versioned.unowned_versioned_operations():
        assert "currentVersion" in (tests / operation.domain / f"test_{operation.flow_name}.py").read_text("utf-8")


@pytest.mark.parametrize("table", versioned.resources())
def test_no_update_is_lost(service, table):
    # A failure is told at once; the long run makes it as short as it can.
    run(table, service, examples=6, steps=15, phases=(Phase.generate,))


@pytest.mark.faults
@pytest.mark.parametrize("table", versioned.resources())
def test_no_update_is_lost_in_many_more_tries(service, table):
    run(table, service, examples=int(os.environ.get("EXAMPLES", "100")), steps=40)
