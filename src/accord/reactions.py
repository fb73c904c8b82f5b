"""Reactions in the commit: flows that run because of an entry, in the transaction that writes it (RX-1)."""

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from accord.context import SYSTEM, Context
from accord.journal.entries import Change
from accord.problems import InternalError, Problem

MOST = 100
"""The most reactions in one commit: two that cause each other must end."""
UNPROCESSABLE = 422


class Reaction(NamedTuple):
    """A flow `on_<table>_<kind>` of a domain."""

    domain: str
    name: str
    table: str
    kind: str
    flow: Callable[[Context, Change], Awaitable[None]]


class TooManyReactions(RuntimeError):
    """Reactions cause further reactions, and do not end."""


class CannotRefuse(RuntimeError):
    """A reaction raised a problem that the operation cannot have for it."""


class Reactions:
    """Runs the reactions in a commit, in the order of the entries, of the domains, and of the names."""

    def __init__(self, reactions: Iterable[Reaction]) -> None:
        """Take the reactions of all domains."""
        self._by_entry: dict[tuple[str, str], list[Reaction]] = {}
        for reaction in sorted(reactions, key=lambda reaction: (reaction.domain, reaction.name)):
            self._by_entry.setdefault((reaction.table, reaction.kind), []).append(reaction)

    async def __call__(self, context: Context) -> None:
        """Run the reactions to every entry of the journal, also to the entries that reactions note.

        Raises the 422 problem of a reaction, and TooManyReactions.
        """
        journal, index, runs = context.journal, 0, 0
        while index < len(journal):
            change = journal.change(index)
            index += 1
            if change is None:
                continue
            for reaction in self._by_entry.get((change.record_table, change.kind), ()):
                runs += 1
                if runs > MOST:
                    raise TooManyReactions(f"{reaction.name}: at most {MOST} reactions may run in one commit.")
                await _run(reaction, context, change)


async def _run(reaction: Reaction, context: Context, change: Change) -> None:
    part = context.part(Context, reaction.name, SYSTEM, context.request)
    try:
        await reaction.flow(part, change)
    except Problem as problem:
        if problem.commits or (problem.status != UNPROCESSABLE and problem.status < InternalError.status):
            message = f"{reaction.name} raised {type(problem).__name__}; a reaction refuses with a 422 that rolls back."
            raise CannotRefuse(message) from problem
        raise
