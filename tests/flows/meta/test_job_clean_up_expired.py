"""The task cleanUpExpired."""

from uuid import uuid4

import pytest


async def test_expired_responses_are_deleted_and_fresh_ones_stay(given):
    me, old, fresh = await given.an_account(), str(uuid4()), str(uuid4())
    for key in (old, fresh):
        await me.post("/api/v1/conversations", {"Idempotency-Key": key}, title="Plans")
    await given.sql("UPDATE accord.idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = %s", old)

    await given.jobs.run("cleanUpExpired")

    assert await given.sql("SELECT key FROM accord.idempotency_keys WHERE caller = %s", me.id) == [(fresh,)]


async def test_counts_of_windows_that_are_over_are_deleted_however_many(given):
    bucket = str(uuid4())
    await given.sql(
        "INSERT INTO accord.rate_limits (bucket, key, count, resets_at)"
        " SELECT %s, number::text, 1, now() + CASE WHEN number > 2500 THEN 1 ELSE -1 END * interval '5 minutes'"
        " FROM generate_series(1, 2503) AS number",
        bucket,
    )

    await given.jobs.run("cleanUpExpired")

    assert await given.sql("SELECT count(*) FROM accord.rate_limits WHERE bucket = %s", bucket) == [(3,)]


@pytest.mark.parametrize(("state", "kept", "deleted"), [("completed", 6, 8), ("cancelled", 6, 8), ("dead", 89, 91)])
async def test_ended_jobs_are_deleted_after_their_retention(given, state, kept, deleted):
    jobs = {age: uuid4() for age in (kept, deleted)}
    for age, job_id in jobs.items():
        await given.sql(
            "INSERT INTO accord.jobs (id, task, queue, request_id, args, state, is_ready, run_at, ended_at)"
            " VALUES (%s, 'none', 'none', '', '{}', %s, false, now(), now() - make_interval(days => %s))",
            job_id,
            state,
            age,
        )

    await given.jobs.run("cleanUpExpired")

    left = await given.sql("SELECT id FROM accord.jobs WHERE id = ANY(%s)", list(jobs.values()))
    assert left == [(jobs[kept],)]
