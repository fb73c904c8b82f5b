"""Calls and reactions, in the processes that run flows."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from accord.boot.background import background
from accord.boot.contract import Contract
from accord.boot.parts import PROBE_TIMEOUT, Parts
from accord.boot.shared_check import SharedCheck
from accord.calls import Calls
from accord.context import Resources
from accord.flows.meta.rules import works
from accord.jobs.readers import AfterReaction, Readers
from accord.journal.readers import refuse_overdue
from accord.reactions import Reactions


def composed(resources: Resources, contract: Contract) -> None:
    """Let flows call operations, and let reactions run in the commits."""
    resources.call = Calls(contract.operations, contract.flows)
    found = contract.reactions
    resources.react = Reactions(found.in_commit) if found.in_commit else None
    if found.after:
        look = partial(refuse_overdue, resources.database, [reaction.reader for reaction in found.after])
        check = SharedCheck(partial(works, look, PROBE_TIMEOUT), fresh_for=0)
        resources.probes = {**resources.probes, "reactions": check}


@asynccontextmanager
async def reacting(parts: Parts, after: Sequence[AfterReaction], *, has_metrics: bool) -> AsyncGenerator[None]:
    """Run the reactions after the commit within this block."""
    async with AsyncExitStack() as stack:
        if after:
            readers = Readers(parts.resources, parts.tail, after)
            await stack.enter_async_context(background("readers", readers.run, has_metrics=has_metrics))
        if has_metrics:
            from accord.jobs.reader_metrics import measure  # noqa: PLC0415 - most workers have no metrics

            run = partial(measure, parts.database.background, [reaction.reader for reaction in after])
            await stack.enter_async_context(background("readers-measured", run, has_metrics=True))
        yield
