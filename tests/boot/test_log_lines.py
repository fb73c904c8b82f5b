"""O-6, C-12: what the processes write while they serve."""

import asyncio
import json
from typing import Any

import pytest
from running import Service

FIELDS = {"time", "level", "message", "requestId", "operation", "status", "durationMs", "callerId"}


async def line_of(service: Service, request_id: str) -> dict[str, Any]:
    """Return the line about the request, once it is written."""
    async with asyncio.timeout(30):
        while not (found := [line for line in whole_lines(service) if request_id in line]):
            await asyncio.sleep(0.05)
    return json.loads(found[0])


def whole_lines(service: Service) -> list[str]:
    """Return the lines of all processes, without those that are being written."""
    return [line for program in service.programs for line in program.output().rpartition("\n")[0].splitlines()]


async def test_a_finished_request_is_one_log_line_with_the_fields_operators_need(given, service):
    me = await given.an_account(first_name="Zebedee")

    response = await me.patch(
        "/api/v1/me", expectedVersion=1, firstName="Zachary", headers={"X-Request-Id": "my-own-id-1"}
    )

    line = await line_of(service, "my-own-id-1")
    assert response.status_code == 200
    assert line.keys() >= FIELDS
    assert (line["level"], line["operation"], line["status"], line["callerId"]) == ("info", "updateMe", 200, me.id)
    assert 0 < line["durationMs"] < 30_000
    assert line["time"].endswith("Z")
    assert line["traceEvents"][-1] == "SUCCESS"
    assert "traceEvents" not in response.text
    assert sum("my-own-id-1" in text for text in service.logs.splitlines()) == 1


async def test_a_rejected_request_has_its_reason_in_the_trace_events(given, service):
    me = await given.an_account(version=2)

    response = await me.patch("/api/v1/me", expectedVersion=1, firstName="Late")

    line = await line_of(service, response.headers["x-request-id"])
    assert (line["status"], line["traceEvents"][-1]) == (409, "REJECTED: VERSION_CONFLICT")


async def test_a_path_without_an_operation_is_named_without_its_query(given, service):
    response = await (await given.somebody()).get("/nowhere?secret=hunter2")

    line = await line_of(service, response.headers["x-request-id"])
    assert (line["operation"], line["method"], line["path"], line["status"]) == (None, "GET", "/nowhere", 404)
    assert "hunter2" not in service.logs


@pytest.mark.parametrize("path", ["/api/v1/%0a%0dforged", '/"},{"level":"error"', "/%f0%9f%98%80%00%ff"])
async def test_no_path_makes_a_second_line_or_a_broken_one(given, service, path):
    response = await (await given.somebody()).get(path)

    assert (await line_of(service, response.headers["x-request-id"]))["status"] in {400, 404}


async def test_every_line_of_every_process_is_one_json_object(given, service):
    await (await given.an_account()).get("/api/v1/me")

    for line in whole_lines(service):
        assert is_for_people(line) or json.loads(line).keys() >= {"time", "level", "message"}, line


def is_for_people(line: str) -> bool:
    """What the start tells the person at the terminal is not a log line."""
    return line.startswith(("Accord ", "  ", "    "))
