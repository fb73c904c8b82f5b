"""GET /api/v1/meta/version."""

from accord import __version__
from accord.context import Context
from accord.contract.types import ServiceVersion


async def get_version(context: Context) -> ServiceVersion:
    """Return the release of the process that responds."""
    context.trace_event("version told")
    return {"name": "accord", "version": __version__}
