"""`accord doctor`: looks at everything a deployment needs and says what to change (O-10)."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import func, select

from accord import __version__
from accord.boot import Process
from accord.database.statement import Statement
from accord.migrations import runner
from accord.relay.backlog import backlog, is_relayed
from accord.settings import Settings

LEADER_PATIENCE = 1.5
"""Seconds within which some process leads, if only this one."""
BACKLOG_TOLERANCE = 5.0
"""Seconds that entries may wait for their position before that is worth a word."""
CLOCK_TOLERANCE = 2.0
"""Seconds that the clocks of this machine and of PostgreSQL may differ."""

_SERVER_TIME = Statement(select(func.clock_timestamp().label("now")))


class Finding(NamedTuple):
    """One thing that was looked at; `advice` says what to change, or is empty."""

    subject: str
    state: str
    advice: str = ""


async def run(settings: Settings) -> int:
    """Print every finding; return 1 when there is something to change."""
    findings = _about_settings(settings)
    started = time.perf_counter()
    async with Process(settings, "worker") as process:
        findings.append(Finding("start", f"{time.perf_counter() - started:.2f} s"))
        findings += [await check(process) for check in CHECKS]
    for subject, state, advice in findings:
        sys.stdout.write(f"{'!' if advice else '✓'} {subject}: {state}{f'. {advice}' if advice else ''}\n")
    return 1 if any(finding.advice for finding in findings) else 0


def _about_settings(settings: Settings) -> list[Finding]:
    findings = [Finding("settings", f"accord {__version__}, {settings.env}, flows {settings.flow_transport}")]
    behind_proxy = settings.host not in {"127.0.0.1", "::1", "localhost"}
    if behind_proxy and not settings.trusted_proxies:
        findings.append(Finding("proxy", f"listens on {settings.host}", _PROXY_ADVICE))
    if settings.is_production and settings.docs_enabled:
        findings.append(
            Finding("docs", "served in production", "Set ENABLE_DOCS=false unless they are meant to be public.")
        )
    if settings.jwt_private_key is None:
        findings.append(Finding("keys", f"generated in {settings.data_dir / 'keys'}; production needs JWT_PRIVATE_KEY"))
    else:
        findings.append(Finding("keys", "configured"))
    return findings


_PROXY_ADVICE = (
    "Behind a reverse proxy, list it in TRUSTED_PROXIES, else all clients share one rate limit; "
    "without one, put TLS in front"
)


async def _database(process: Process) -> Finding:
    started = time.perf_counter()
    await process.database.ping()
    return Finding("database", f"answers in {(time.perf_counter() - started) * 1000:.1f} ms")


async def _migrations(process: Process) -> Finding:
    found = await asyncio.to_thread(runner.current, process.database_url)
    newest = runner.head()
    return Finding("migrations", f"at {found}", "" if found == newest else f"Run `accord db upgrade` to reach {newest}")


async def _clock(process: Process) -> Finding:
    row = await process.database.one(_SERVER_TIME)
    difference = abs((datetime.now(UTC) - row.now).total_seconds())
    advice = "" if difference < CLOCK_TOLERANCE else "Synchronise the clocks (NTP): tokens and locks compare times"
    return Finding("clock", f"differs from the database's by {difference:.3f} s", advice)


async def _messaging(process: Process) -> Finding:
    if process.messaging.is_connected:
        return Finding("messaging", "NATS answers")
    return Finding("messaging", f"NATS is {process.messaging.state}", "Check NATS_URL and that the server runs")


async def _journal(process: Process) -> Finding:
    """This process stands by like any other, so it leads when nobody else does."""
    assert process.relay is not None
    with suppress(TimeoutError):
        async with asyncio.timeout(LEADER_PATIENCE):
            while not await is_relayed(process.database):  # noqa: ASYNC110 - another process takes the lock
                await asyncio.sleep(0.05)
    found = await backlog(process.database)
    who = "no other process relays" if process.relay.leads else "another process relays"
    state = f"{who}; {found.entries} entries wait for their position"
    if found.seconds < BACKLOG_TOLERANCE:
        return Finding("journal", state)
    return Finding("journal", f"{state}, the oldest for {found.seconds:.0f} s", _BACKLOG_ADVICE)


_BACKLOG_ADVICE = (
    "Let `accord serve` or `accord worker` run; if one does, look in pg_stat_activity for a transaction that is open "
    "for long, and end it"
)

CHECKS: tuple[Callable[[Process], Awaitable[Finding]], ...] = (_database, _migrations, _clock, _messaging, _journal)
