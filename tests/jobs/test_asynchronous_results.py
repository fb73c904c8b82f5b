"""Q-14: the job of an operation keeps the response, unless that is too large for pages of jobs."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from contract_operations import OPERATIONS
from reacting import opened_resources

from accord.boot.asynchronous import asynchronous_flows
from accord.boot.contract import load_contract
from accord.calls import Calls
from accord.context import JobContext, RequestInfo, Resources
from accord.dispatch import run_to_commit
from accord.flows.jobs.problems import MAX_RESULT, ResultTooLarge
from accord.queue.running import RunningJob

[VERIFY] = [operation for operation in OPERATIONS if operation.id == "verifyAudit"]


@pytest.fixture
async def resources(given, tmp_path: Path) -> AsyncIterator[Resources]:
    async with opened_resources(given.service.database_url, tmp_path) as parts:
        yield parts


async def run(resources: Resources, owner: Any, flow: Callable[..., Any]) -> dict[str, Any]:
    """Run the job of an operation with this flow; the flow that makes a job of it is that of the service."""
    contract = load_contract()
    resources.call = Calls(contract.operations, {**contract.flows, VERIFY.id: flow})
    job = RunningJob(uuid4(), VERIFY.id, 1, UUID(owner.id))
    context = JobContext(resources, job, RequestInfo("test"))
    try:
        return await run_to_commit(context, asynchronous_flows([VERIFY]).of_jobs[VERIFY.id](context))
    finally:
        await context.rollback()


@pytest.mark.parametrize(("length", "is_kept"), [(MAX_RESULT - 2, True), (MAX_RESULT - 1, False)])
async def test_a_response_that_is_too_large_is_refused_and_what_the_operation_wrote_rolled_back(
    given, resources, length, is_kept
):
    admin = await given.an_admin()
    written = uuid4()

    async def flow(context: Any) -> str:
        context.journal.event("users", written, {"event": "verified"})
        return "x" * length

    if is_kept:
        assert await run(resources, admin, flow) == {"status": 200, "body": "x" * length}
    else:
        with pytest.raises(ResultTooLarge):
            await run(resources, admin, flow)

    entries = await given.sql("SELECT 1 FROM accord.journal WHERE record_id = %s", written)
    assert len(entries) == is_kept
