"""GET /api/v1/healthcheck."""

import asyncio

from accord import __version__
from accord.context import Context
from accord.contract.types import Health
from accord.flows.meta import rules


async def healthcheck(context: Context) -> Health:
    """Run all checks concurrently, within 3 seconds; only administrators see the details."""
    names = list(context.resources.probes)
    checks = await asyncio.gather(*(rules.check(context.resources.probes[name]) for name in names))
    health: Health = {
        "status": rules.overall(dict(zip(names, checks, strict=True))),
        "uptime": context.uptime(),
        "version": __version__,
    }
    if context.caller.may("admin:all") or context.caller.may("users:read"):
        health["checks"] = dict(zip(names, checks, strict=True))
    return health
