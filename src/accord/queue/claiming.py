"""Claiming: which jobs run next, and the leases that running jobs hold.

A claim runs behind a lock of its queue, in one round trip, so that the slots of a queue count over all processes. Slots
go round the shares: within one priority, a share's first job comes before the second job of another, and of the shares
that have as many jobs running, those come next that follow the share which was served last.
"""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Double,
    Integer,
    Text,
    Uuid,
    bindparam,
    column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from accord.database.statement import Statement
from accord.queue.enqueue import LISTS_OF_OWNER
from accord.queue.tables import IS_CLAIMABLE, IS_WAITING

QUEUE_LOCK = 0x5155_4555
"""The class of the advisory locks of queues ("QUEU" in ASCII)."""
MAX_SWEPT = 500
"""The most jobs that one sweep takes."""
UNKNOWN_AFTER = "24 hours"
"""How long a job whose task no running release knows waits for a release that does."""

LEASE_ENDED = """(lease_until <= clock_timestamp()
    OR lease_until > clock_timestamp() + make_interval(secs => lease_seconds))"""
"""A lease that ends later than one that begins now was made before the clock of the database was set back."""


class Claimed(NamedTuple):
    """A claimed job; all but the first two are null in the one row that tells of a claim that found none."""

    free: int
    slots: int
    """The slots of the queue, as an operator may have chosen them."""
    id: UUID
    task: str
    queue: str
    share: str
    args: dict[str, Any]
    attempt: int
    version: int
    owner_id: UUID | None
    order_key: str | None
    request_id: str
    traceparent: str | None
    lag: float
    """Seconds that the job waited since it could run."""


class Lost(NamedTuple):
    """A running job whose lease ended, as `ending` needs it."""

    id: UUID
    task: str
    queue: str
    attempt: int
    version: int
    owner_id: UUID | None
    order_key: str | None
    request_id: str


class Held(NamedTuple):
    """A job that is still held at this version."""

    id: UUID


# Planning a claim takes longer than running the claim, so each connection keeps the plan. A plan that was made when the
# table was empty must find the jobs by index later on.
LOCK_QUEUE = Statement(
    text(
        f"""
SELECT set_config('plan_cache_mode', 'force_generic_plan', true) AS plans,
    set_config('enable_seqscan', 'off', true) AS scans,
    pg_advisory_xact_lock({QUEUE_LOCK}, hashtext(:queue)) AS lock
"""
    ).bindparams(bindparam("queue", type_=Text))
)
"""Serialises the claims of a queue, and keeps the plan of the claim, until the end of the transaction."""

_ready = f"FROM accord.jobs WHERE {IS_CLAIMABLE.text} AND queue = :queue"


def _share_after(share: str) -> str:
    """Return the SQL of the next share that waits within a priority, and of the first after the last."""
    first = f"SELECT share {_ready} AND priority = priorities.priority AND task = ANY(:tasks)"
    return f"COALESCE(({first} AND share > {share} ORDER BY share LIMIT 1), ({first} ORDER BY share LIMIT 1))"


# A share without a running job gets a slot before others. So as many shares as there are free slots are enough, and as
# many more as have jobs running: a claim costs the same however many shares wait.
# Ids are compared with arrays: the planner takes an array for a few rows, but a subquery with a computed LIMIT for a
# tenth of the table, and then reads the whole table. COALESCE keeps the planner from the index of claimable
# jobs, which does not begin with the id.
CLAIM = Statement(
    text(
        f"""
WITH RECURSIVE chosen_by_people AS (
    SELECT slots, paused FROM accord.queues WHERE name = :queue
), running AS (
    SELECT share, count(*) AS jobs FROM accord.jobs WHERE state = 'running' AND queue = :queue GROUP BY share
), slots AS (
    SELECT COALESCE((SELECT slots FROM chosen_by_people), :slots) AS all_slots,
        COALESCE((SELECT sum(jobs) FROM running), 0)::integer AS taken,
        (SELECT count(*) FROM running) AS shares,
        COALESCE((SELECT paused FROM chosen_by_people), false) AS paused
), free AS (
    SELECT CASE WHEN paused THEN 0 ELSE LEAST(:wanted, GREATEST(all_slots - taken, 0)) END AS slots,
        LEAST(:share_limit, GREATEST(all_slots * 3 / 4, 1)) AS of_share, shares, all_slots
    FROM slots
), priorities AS (
    (SELECT priority {_ready} ORDER BY priority DESC LIMIT 1)
    UNION ALL
    SELECT (SELECT priority {_ready} AND priority < before.priority ORDER BY priority DESC LIMIT 1)
    FROM priorities before WHERE before.priority IS NOT NULL
), shares AS (
    SELECT priority, share, place FROM free CROSS JOIN priorities CROSS JOIN LATERAL (
        WITH RECURSIVE walk AS (
            SELECT share, share AS first, 1 AS place FROM (SELECT {_share_after(":after")} AS share) AS next
            UNION ALL
            SELECT next.share, first, place + 1
            FROM walk CROSS JOIN LATERAL (SELECT {_share_after("walk.share")} AS share) AS next
            WHERE place < free.slots + free.shares AND next.share <> first
        )
        SELECT share, place FROM walk WHERE share IS NOT NULL
    ) AS walk WHERE free.slots > 0 AND priority IS NOT NULL
), candidates AS (
    SELECT next.id, priority, share, place, COALESCE(running.jobs, 0)
        + row_number() OVER (PARTITION BY share ORDER BY priority DESC, next.run_at, next.id) AS round
    FROM free CROSS JOIN shares LEFT JOIN running USING (share) CROSS JOIN LATERAL (
        SELECT id, run_at {_ready} AND priority = shares.priority AND share = shares.share AND task = ANY(:tasks)
        ORDER BY run_at, id LIMIT free.slots
    ) AS next
), chosen AS (
    SELECT id FROM accord.jobs WHERE COALESCE({IS_CLAIMABLE.text}, false) AND id = ANY(ARRAY(
        SELECT id FROM candidates WHERE share = '' OR round <= (SELECT of_share FROM free)
        ORDER BY priority DESC, round, place LIMIT (SELECT slots FROM free)
    )) FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE accord.jobs SET state = 'running', is_ready = false, attempt = attempt + 1, version = version + 1,
        started_at = clock_timestamp(), lease_seconds = :lease, worker = :worker,
        lease_until = clock_timestamp() + make_interval(secs => :lease)
    WHERE id = ANY(ARRAY(SELECT id FROM chosen))
    RETURNING id, task, queue, share, args, attempt, version, owner_id, order_key, request_id, traceparent,
        EXTRACT(epoch FROM started_at - GREATEST(run_at, created_at))::double precision AS lag
), told AS (
    INSERT INTO accord.journal (request_id, actor_kind, operation, record_table, record_id, record_version, kind,
        fields, list_keys)
    SELECT request_id, 'system', task, 'jobs', id, version, 'updated', '{{"state": "running"}}',
        {LISTS_OF_OWNER}
    FROM claimed WHERE owner_id IS NOT NULL
)
SELECT free.slots AS free, free.all_slots AS slots, id, task, queue, claimed.share, args, attempt, version, owner_id,
    order_key, request_id, traceparent, lag
FROM free LEFT JOIN (claimed JOIN candidates USING (id)) ON true ORDER BY priority DESC, round, place
"""  # noqa: S608 - the conditions are ours
    )
    .bindparams(
        bindparam("queue", type_=Text),
        bindparam("tasks", type_=ARRAY(Text)),
        *(bindparam(name, type_=Text) for name in ("worker", "after")),
        *(bindparam(name, type_=Integer) for name in ("slots", "wanted", "share_limit", "lease")),
    )
    .columns(
        column("free", Integer),
        column("slots", Integer),
        column("id", Uuid),
        column("task", Text),
        column("queue", Text),
        column("share", Text),
        column("args", JSONB),
        column("attempt", Integer),
        column("version", BigInteger),
        column("owner_id", Uuid),
        column("order_key", Text),
        column("request_id", Text),
        column("traceparent", Text),
        column("lag", Double),
    ),
    Claimed,
)
"""The claim of up to `wanted` jobs of one queue; `free` is how many it could take at most.

`after` is the share of the last job of the claim before.
"""

# now() bounds the search in the index. With clock_timestamp(), which is another time for each row, every later job
# would be read.
PROMOTE = Statement(
    text(
        f"""
UPDATE accord.jobs SET is_ready = true WHERE id = ANY(ARRAY(
    SELECT id FROM accord.jobs WHERE NOT is_ready AND {IS_WAITING.text} AND run_at <= now()
    ORDER BY run_at LIMIT {MAX_SWEPT} FOR UPDATE SKIP LOCKED
))
"""  # noqa: S608 - the condition is ours
    )
)
"""Makes jobs claimable whose time has come; their state and version stay until they start."""

_lost = (
    column("id", Uuid),
    column("task", Text),
    column("queue", Text),
    column("attempt", Integer),
    column("version", BigInteger),
    column("owner_id", Uuid),
    column("order_key", Text),
    column("request_id", Text),
)
_names = ", ".join(each.name for each in _lost)
FIND_LOST = Statement(
    text(
        f"SELECT {_names} FROM accord.jobs WHERE state = 'running' AND {LEASE_ENDED} LIMIT {MAX_SWEPT}"  # noqa: S608
    ).columns(*_lost),
    Lost,
)
FIND_UNKNOWN = Statement(
    text(
        f"""
SELECT {_names} FROM accord.jobs
WHERE {IS_CLAIMABLE.text} AND run_at < now() - interval '{UNKNOWN_AFTER}'
    AND NOT task = ANY(:tasks) LIMIT {MAX_SWEPT}
"""  # noqa: S608 - the conditions are ours
    )
    .bindparams(bindparam("tasks", type_=ARRAY(Text)))
    .columns(*_lost),
    Lost,
)
"""Jobs whose task no running release has known for a day."""

RENEW = Statement(
    text(
        """
WITH mine AS (
    SELECT * FROM unnest(:ids, :versions) AS mine (id, version)
), free AS (
    SELECT jobs.id FROM accord.jobs JOIN mine USING (id, version) WHERE state = 'running'
    FOR UPDATE OF jobs SKIP LOCKED
), renewed AS (
    UPDATE accord.jobs SET lease_until = clock_timestamp() + make_interval(secs => lease_seconds)
    WHERE id = ANY(ARRAY(SELECT id FROM free))
)
SELECT id FROM accord.jobs JOIN mine USING (id, version) WHERE state = 'running'
"""
    )
    .bindparams(bindparam("ids", type_=ARRAY(Uuid)), bindparam("versions", type_=ARRAY(BigInteger)))
    .columns(column("id", Uuid)),
    Held,
)
"""Renews leases; a job that is not returned is no longer held by this process.

A row that a transaction has locked is left to the next renewal, so that it cannot hold up those of all other jobs.
"""
