"""Rows that wait or are kept cost nothing: what is due is found by index, however many others there are."""

from typing import Any

import psycopg
import pytest

from accord.database import idempotency
from accord.flows.auth import queries as auth
from accord.queue import retention
from accord.queue.claiming import PROMOTE

JOB = "INSERT INTO accord.jobs (id, task, queue, request_id, args, state, is_ready, run_at, ended_at)"
EACH = "FROM generate_series(1, 2000) AS number"
ROWS = (
    f"{JOB} SELECT gen_random_uuid(), 'a', 'b', '', '{{}}', 'scheduled', false, now() + interval '1 hour', NULL {EACH}",
    f"{JOB} SELECT gen_random_uuid(), 'a', 'b', '', '{{}}', 'completed', false, now(), now() {EACH}",
    f"INSERT INTO accord.idempotency_keys SELECT 'a', 'b', number::text, '', 200, '', now() {EACH}",
    f"INSERT INTO accord.login_failures SELECT number::text::bytea, 1, now() {EACH}",
    "ANALYZE accord.jobs, accord.idempotency_keys, accord.login_failures",
)


@pytest.fixture
async def plan_of(shop):
    """`await plan_of(statement, **values)` is the statement's plan, with the rows that each step read."""
    for statement in ROWS:
        await shop.sql(statement)

    async def plan(statement: Any, **values: Any) -> dict[str, Any]:
        async with await psycopg.AsyncConnection.connect(shop.url, cursor_factory=psycopg.AsyncRawCursor) as connection:
            explain = b"EXPLAIN (ANALYZE, FORMAT JSON) " + statement.sql
            [[[explained]]] = await (await connection.execute(explain, statement.parameters(values))).fetchall()
            await connection.rollback()
        return explained["Plan"]

    return plan


def read_in_vain(plan: dict[str, Any]) -> int:
    return plan.get("Rows Removed by Filter", 0) + sum(map(read_in_vain, plan.get("Plans", [])))


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        pytest.param(PROMOTE, {}, id="jobs whose time has come"),
        pytest.param(retention._DELETE, {"ended": "completed", "seconds": 60.0}, id="jobs past their retention"),
        pytest.param(idempotency.DELETE_EXPIRED, {}, id="expired responses"),
        pytest.param(auth._DELETE_FAILURES_OVER, {"window": 900.0, "limit": 1000}, id="expired failed sign-ins"),
    ],
)
async def test_rows_whose_time_has_not_come_are_not_read(plan_of, statement, values):
    assert read_in_vain(await plan_of(statement, **values)) == 0
