"""PostgreSQL keeps the plans of the statements that each job needs: to plan some takes longer than to run them."""

from uuid import uuid4

import psycopg
import pytest

RUNS = 60
PLANNED_ANEW = 5
"""How often PostgreSQL plans a statement anew before it may keep a plan."""
_PLANS = "SELECT statement FROM pg_prepared_statements WHERE custom_plans > %s"


@pytest.mark.parametrize("kinds", [(), ("unique_key",), ("order_key",), ("unique_key", "order_key")])
async def test_no_statement_of_a_job_is_planned_anew_each_time(shop, kinds):
    await shop.start()

    jobs = [await shop.enqueue("effect", owner_id=uuid4(), **dict.fromkeys(kinds, f"{n}")) for n in range(RUNS)]
    await shop.ended(*jobs)

    planned: list[str] = []
    for connection in shop.resources.database._opened:
        found = await psycopg.AsyncConnection.execute(connection, _PLANS, (PLANNED_ANEW,))
        planned += [statement for (statement,) in await found.fetchall()]
    assert planned == []
