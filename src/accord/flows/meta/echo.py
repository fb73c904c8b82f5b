"""POST /api/v1/meta/echo."""

from accord.context import Context
from accord.contract.types import Echo


async def echo(context: Context, body: Echo) -> Echo:
    """Return the body as the server read it."""
    context.trace_event("body echoed")
    return body
