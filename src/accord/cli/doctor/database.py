"""Findings about PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

from sqlalchemy import BigInteger, Boolean, Integer, Text, column, func, select, text

from accord import clock
from accord.boot import clock as database_clock
from accord.boot.reaction_discovery import find_reactions
from accord.cli.doctor.finding import Finding
from accord.contract import bundle
from accord.contract.tasks import tasks
from accord.database.database import Database
from accord.database.errors import words_of
from accord.database.migrations import runner
from accord.database.statement import Statement
from accord.database.tables import rate_limits
from accord.edge.pipeline.limits import UNREADABLE
from accord.journal.backlog import OVERDUE, Backlog, has_leader, whole_backlog
from accord.journal.readers import OVERDUE as OVERDUE_READER
from accord.journal.readers import Standing, standings
from accord.problems import CannotStart, Problem
from accord.queue.figures import LATE, late_queues, oldest_ready, paused_queues
from accord.queue.slots import slots_by_queue
from accord.settings import Settings

OLDEST = 15
"""Major version of PostgreSQL that the statements need."""
TIMEOUT = 10.0
"""Seconds that a statement may take: what is locked is a finding, too."""


class About(NamedTuple):
    """The version, the state and the limits of a server."""

    version: str
    major: int
    standby: bool
    read_only: bool
    max_connections: int
    used: int
    durable: bool


class Unreadable(NamedTuple):
    """A proxy, and the sign-ins of a day for which it named no address."""

    key: str
    requests: int


_ABOUT = Statement(
    text(
        "SELECT current_setting('server_version') AS version,"
        " current_setting('server_version_num')::int / 10000 AS major,"
        " pg_is_in_recovery() AS standby,"
        " current_setting('transaction_read_only') = 'on' AS read_only,"
        " current_setting('max_connections')::int AS max_connections,"
        " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,"
        " current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'"
        " AND current_setting('synchronous_commit') <> 'off' AS durable"
    ).columns(
        column("version", Text()),
        column("major", Integer()),
        column("standby", Boolean()),
        column("read_only", Boolean()),
        column("max_connections", Integer()),
        column("used", BigInteger()),
        column("durable", Boolean()),
    ),
    About,
)
_UNREADABLE = Statement(
    select(rate_limits.c.key, rate_limits.c.count.label("requests"))
    .where(rate_limits.c.bucket == UNREADABLE, rate_limits.c.resets_at > func.now())
    .order_by(rate_limits.c.key)
    .limit(10),
    Unreadable,
)


async def findings(url: str, settings: Settings) -> AsyncIterator[Finding]:
    """Look at the server, at the migrations, at the clocks, and at the journal's sequencer."""
    try:
        revision = await asyncio.to_thread(runner.current, url)
    except CannotStart as away:
        yield Finding("database", str(away).rstrip("."), works=False)
        return
    database = Database(url, 1, statement_timeout=TIMEOUT, for_reading=True)
    await database.open()
    try:
        started = time.perf_counter()
        [about] = await database.all(_ABOUT)
        for finding in server(about, time.perf_counter() - started, settings):
            yield finding
        if not about.read_only:
            yield await writing(database)
        yield migrations(revision, settings)
        if revision == runner.head():
            yield tables(await asyncio.to_thread(runner.differences, url))
        await database_clock.learn(database)
        yield skew(clock.skew())
        if not runner.is_behind(revision):
            yield journal(await whole_backlog(database), has_leader=await has_leader(database))
            after = {reaction.reader for reaction in find_reactions().after}
            for found in await standings(database):
                yield reader(found, is_known=found.name in after)
            in_use = slots_by_queue(tasks(bundle.load()), settings.queues or {})
            paused = [name for name in await paused_queues(database) if name in in_use]
            yield jobs(late_queues(await oldest_ready(database)), paused)
            for row in await database.all(_UNREADABLE):
                yield unreadable(row)
    except CannotStart as locked:
        yield Finding("database", str(locked).rstrip("."), works=False)
    except Problem as problem:
        advice = "Look in pg_locks and pg_stat_activity for what holds it up"
        yield Finding("database", f"PostgreSQL says: {words_of(problem.__cause__ or problem)}", advice, works=False)
    finally:
        await database.close()


def server(about: About, seconds: float, settings: Settings) -> Iterator[Finding]:
    """Judge the server by what it says of itself."""
    state = f"PostgreSQL {about.version} responds in {seconds * 1000:.1f} ms"
    if about.major < OLDEST:
        yield Finding("database", state, f"Upgrade it to {OLDEST} or later", works=False)
    elif about.standby:
        yield Finding("database", f"{state} and is a standby", "Name the primary in DATABASE_URL", works=False)
    elif about.read_only:
        advice = "Turn default_transaction_read_only off, or name a server that takes writes in DATABASE_URL"
        yield Finding("database", f"{state} and takes no writes", advice, works=False)
    else:
        yield Finding("database", state)
    if not about.durable:
        advice = "Turn fsync, full_page_writes and synchronous_commit on"
        yield Finding("durability", "a crash can lose changes that were acknowledged", advice)
    free = about.max_connections - about.used
    if settings.database_pool_size > free:
        in_use = f"{about.used} of {about.max_connections} are in use"
        state = f"{in_use}, and each process takes up to {settings.database_pool_size}"
        yield Finding("connections", state, "Raise max_connections, or lower DATABASE_POOL_SIZE")


async def writing(database: Database) -> Finding:
    """Let the server take room on its disk, as the next change may have to."""
    try:
        await database.ping()
    except Problem as problem:
        advice = "Free or add disk space, and look in PostgreSQL's own log"
        return Finding("writing", f"PostgreSQL says: {words_of(problem.__cause__ or problem)}", advice, works=False)
    return Finding("writing", "PostgreSQL has room to write")


def migrations(revision: str | None, settings: Settings) -> Finding:
    """Judge the revision; in production only an operator migrates."""
    newest = runner.head()
    if runner.is_lost(revision):
        return Finding("migrations", f"at {revision}, which this code does not have", runner.FIND, works=False)
    if not runner.is_behind(revision):
        newer = "" if revision == newest else f", newer than this release's {newest}"
        return Finding("migrations", f"at {revision}{newer}")
    state = f"at {revision or 'no revision'}, this release has {newest}"
    if settings.is_production:
        return Finding("migrations", state, "Run `accord db upgrade`", works=False)
    return Finding("migrations", f"{state}; the next start migrates")


def tables(differences: list[str]) -> Finding:
    """Judge the tables: a migration that was changed after it ran leaves others than the code declares."""
    if not differences:
        return Finding("tables", "those that this release declares")
    state = f"{len(differences)} differences from those that this release declares"
    return Finding("tables", state, "`accord db check` lists them", works=False)


def skew(seconds: float) -> Finding:
    """Judge how far the clock of this machine is ahead of PostgreSQL's."""
    advice = "Synchronise the clocks (NTP): times are judged by the database's, and logs have this machine's"
    is_well = abs(seconds) < database_clock.TOLERANCE
    return Finding("clock", f"differs from the database's by {abs(seconds):.3f} s", "" if is_well else advice)


def journal(found: Backlog, *, has_leader: bool) -> Finding:
    """Judge whether entries get their positions."""
    who = "a process sequences" if has_leader else "no process sequences"
    state = f"{who}; {found.entries} entries wait for their position"
    if found.seconds < OVERDUE:
        return Finding("journal", state)
    advice = (
        "Look in pg_stat_activity for a transaction that is open for long, and end it"
        if has_leader
        else "Let `accord serve` or `accord worker` run"
    )
    return Finding("journal", f"{state}, the oldest for {found.seconds:.0f} s", advice)


def reader(found: Standing, *, is_known: bool) -> Finding:
    """Judge a reader of the journal: its reaction fails, or no file of this release has it."""
    state = f"{found.name} has passed {f'all but {found.behind} entries' if found.behind else 'every entry'}"
    if not is_known:
        advice = (
            f"Unless another release runs that has it, run `accord journal drop-reader {found.name}`: it keeps pruning"
        )
        return Finding(
            "reaction", f"{found.name} is at position {found.position}; this release does not have it", advice
        )
    if found.seconds < OVERDUE_READER:
        return Finding("reaction", state)
    advice = "Look in the log for its error; let `accord serve` or `accord worker` run"
    return Finding("reaction", f"{state}, and stands still for {found.seconds:.0f} s", advice)


def jobs(late: list[str], paused: list[str]) -> Finding:
    """Judge whether jobs wait for long: no process runs them, too few slots do, or their queue is paused."""
    if late:
        advice = "Let `accord serve` or `accord worker` run with these queues in JOB_QUEUES, or raise their slots"
        return Finding("jobs", f"some wait for over {LATE:.0f} s in {', '.join(late)}", advice)
    if paused:
        advice = "Let them go on with `PATCH /api/v1/queues/{queueName}` when the reason for the pause is gone"
        return Finding("jobs", f"these queues are paused: {', '.join(paused)}", advice)
    return Finding("jobs", f"none that could run waits for over {LATE:.0f} s")


def unreadable(row: Unreadable) -> Finding:
    """Tell of a proxy whose clients are counted as one, as a gateway noted when they signed in."""
    state = f"{row.requests} sign-ins in a day came through {row.key}, whose X-Forwarded-For named no address"
    return Finding("client addresses", state, "Let it write the client's address there: its clients share one limit")
