"""The task deleteFailedSignIns."""

import os


async def test_counts_of_failures_that_count_no_more_are_deleted(given):
    old, locked, new = (os.urandom(32) for _ in range(3))
    for key, since, until in ((old, 3600, -60), (locked, 3600, 60), (new, 60, None)):
        await given.sql(
            "INSERT INTO accord.login_failures (identifier_hash, count, since, locked_until)"
            " VALUES (%s, 5, now() - make_interval(secs => %s), now() + make_interval(secs => %s))",
            key,
            since,
            until,
        )

    job = await given.jobs.run("deleteFailedSignIns")

    rows = await given.sql("SELECT identifier_hash FROM accord.login_failures")
    assert job.state == "completed"
    assert {bytes(key) for (key,) in rows} & {old, locked, new} == {locked, new}
