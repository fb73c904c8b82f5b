"""Serializers for jobs, and the filters of their list."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from accord.context import SignedIn
from accord.contract.due_times import next_due
from accord.contract.serializers import record_serializer
from accord.contract.tasks import Every
from accord.contract.times import parse_time, timestamp
from accord.contract.types import AcceptedJob, Job, JobStats, Queue, QueueStats, Schedule
from accord.flows.jobs import rules
from accord.flows.jobs.queries import QueueRow, ScheduleRow
from accord.queue.figures import Count, Oldest
from accord.queue.tables import STATES, JobRow

_job = record_serializer(Job)


def job(row: JobRow, caller: SignedIn) -> Job:
    """Return a job as the caller may see it."""
    return _job(rules.as_seen_by(caller, row))


def accepted(new: rules.Accepted, caller: SignedIn) -> AcceptedJob:
    """Return the new job of an operation, as its owner sees it."""
    return {**job(new.job, caller), "queuePosition": new.position}


def filters(*, since: str | None, until: str | None, **equal: str | None) -> dict[str, Any]:
    """Return the filters that the request has, with its times parsed."""
    moments = {"since": since, "until": until}
    given = {name: parse_time(value) for name, value in moments.items() if value is not None}
    return given | {name: value for name, value in equal.items() if value is not None}


def stats(counts: Iterable[Count], oldest: Iterable[Oldest]) -> JobStats:
    """Return the figures of each queue that has jobs, by name."""
    seconds = {each.queue: each.seconds for each in oldest}
    by_queue: dict[str, QueueStats] = {}
    for count in counts:
        none: Any = dict.fromkeys(STATES, 0)
        of_queue: QueueStats = {
            "queue": count.queue,
            "oldestReadySeconds": seconds.get(count.queue),
            "counts": none,
        }
        by_queue.setdefault(count.queue, of_queue)["counts"][count.state] = count.jobs
    return {"queues": list(by_queue.values())}


def queue(name: str, slots: int, row: QueueRow | None) -> Queue:
    """Return a queue with these slots unless an operator chose others; one that was never changed is at version 1."""
    if row is None:
        return {"name": name, "paused": False, "slots": slots, "version": 1}
    chosen = slots if row.slots is None else row.slots
    return {"name": name, "paused": row.paused, "slots": chosen, "version": row.version}


def schedule(name: str, every: Every, row: ScheduleRow | None, now: datetime) -> Schedule:
    """Return a schedule; one that was never due or changed is at version 1."""
    row = row or ScheduleRow(name, paused=False, last_due_at=None, last_job_id=None, skipped=0, version=1, state=None)
    return {
        "name": name,
        "cron": every.cron,
        "zone": every.zone,
        "paused": row.paused,
        "nextAt": None if row.paused else timestamp(next_due(every, now)),
        "lastAt": None if row.last_due_at is None else timestamp(row.last_due_at),
        "lastJobId": None if row.last_job_id is None else str(row.last_job_id),
        "lastState": row.state,
        "skipped": row.skipped,
        "version": row.version,
    }
