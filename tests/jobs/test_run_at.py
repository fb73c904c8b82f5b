"""T-5: a job may run up to a year ahead."""

from datetime import timedelta

import pytest

from accord.problems import TooFarAhead
from accord.queue.enqueue import MAX_AHEAD


async def test_a_job_for_a_year_ahead_is_scheduled(shop):
    job_id = await shop.enqueue("effect", run_at=shop.resources.clock() + timedelta(days=365))

    assert (await shop.job(job_id)).state == "scheduled"


async def test_a_job_for_later_than_a_year_ahead_is_422_and_nothing_is_written(shop):
    with pytest.raises(TooFarAhead) as refused:
        await shop.enqueue("effect", run_at=shop.resources.clock() + MAX_AHEAD + timedelta(seconds=1))

    assert refused.value.status == 422
    assert await shop.sql("SELECT count(*) FROM accord.jobs") == [(0,)]


async def test_a_time_without_a_zone_is_refused_in_words(shop):
    with pytest.raises(ValueError, match="needs a time zone"):
        await shop.enqueue("effect", run_at=shop.resources.clock().replace(tzinfo=None))
