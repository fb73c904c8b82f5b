"""Finds the reactions of all domains by the names of their files, and every file that is none though named like one."""

import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from accord.boot import import_errors
from accord.boot.flow_discovery import FLOWS
from accord.context import Context
from accord.contract.names import REACTIONS
from accord.database.schema import load_all_tables
from accord.dispatch import Flow
from accord.jobs.readers import AfterReaction
from accord.journal.entries import Change
from accord.journal.readers import Entry
from accord.reactions import Reaction

KINDS = ("created", "updated", "deleted", "event")
_name = re.compile(rf"(on|after)_([a-z0-9_]+)_({'|'.join(KINDS)})").fullmatch
_AnyReaction = TypeVar("_AnyReaction", Reaction, AfterReaction)
_TAKES = {"on": ("change", Change), "after": ("entry", Entry)}


class Found(NamedTuple):
    """The reactions in the commit, those after it, and every problem."""

    in_commit: list[Reaction]
    after: list[AfterReaction]
    problems: list[str]

    def wrapped(self, wrap: Callable[[Mapping[str, Flow]], Mapping[str, Flow]]) -> "Found":
        """Return the same with each flow in a wrapper, which knows it by its domain and name."""
        return Found(_wrapped(self.in_commit, wrap), _wrapped(self.after, wrap), self.problems)


@cache
def find_reactions(folder: Path = FLOWS, package: str = "accord.flows") -> Found:
    """Return the reactions in the folder, which is that of the package; domains and names give their order."""
    found = Found([], [], [])
    for file in sorted(folder.glob("*/*.py")):
        if file.stem.startswith(REACTIONS):
            _add(found, file, f"{package}.{file.parent.name}.{file.stem}")
    return found


def _wrapped(
    reactions: list[_AnyReaction], wrap: Callable[[Mapping[str, Flow]], Mapping[str, Flow]]
) -> list[_AnyReaction]:
    flows = wrap({f"{reaction.domain}.{reaction.name}": reaction.flow for reaction in reactions})
    return [reaction._replace(flow=flow) for reaction, flow in zip(reactions, flows.values(), strict=True)]


def _add(found: Found, file: Path, module: str) -> None:
    domain, name = file.parent.name, file.stem
    place = f"flows/{domain}/{file.name}"
    parts = _name(name)
    if parts is None:
        found.problems.append(f"{place}: a reaction is named on_ or after_, a table, and one of {', '.join(KINDS)}")
        return
    when, table, kind = parts.groups()
    if table not in _tables():
        found.problems.append(f"{place}: {table} is no table")
        return
    try:
        flow: Any = getattr(importlib.import_module(module), name, None)
    except Exception as error:  # noqa: BLE001 - the other problems are reported, too, whatever the module raises
        where, reason = import_errors.told(error) or (place, f"{type(error).__name__}: {error}")
        found.problems.append(f"{where} cannot be imported: {reason}")
        return
    problems = list(_signature_problems(place, name, flow, *_TAKES[when]))
    found.problems.extend(problems)
    if problems:
        return
    if when == "on":
        found.in_commit.append(Reaction(domain, name, table, kind, flow))
    else:
        found.after.append(AfterReaction(domain, name, table, kind, flow))


def _signature_problems(place: str, name: str, flow: Any, argument: str, kind: type) -> Iterator[str]:
    if inspect.iscoroutinefunction(flow):
        parameters = inspect.signature(flow).parameters
        taken = [(parameter.name, _name_of(parameter.annotation)) for parameter in parameters.values()]
        if taken == [("context", Context.__name__), (argument, kind.__name__)]:
            return
    yield f"{place}: must define `async def {name}(context: Context, {argument}: {kind.__name__}) -> None`"


def _name_of(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")


@cache
def _tables() -> frozenset[str]:
    return frozenset(table.name for table in load_all_tables().tables.values())
