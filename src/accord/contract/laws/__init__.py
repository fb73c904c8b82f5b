"""The laws of the contract that every start checks, as small rules over the bundle (C-3).

A rule is a function from the bundle to sentences, each with the place and the correction. A new rule is a function
in one of these modules, and a name in its RULES. Rules that take long are in contract/tools/lint: authors run those.
"""

from collections.abc import Callable, Iterator
from typing import Any

from accord.contract.laws import (
    async_rules,
    event_rules,
    name_rules,
    operation_rules,
    record_rules,
    schema_rules,
    task_rules,
)

Rule = Callable[[dict[str, Any]], Iterator[str]]

RULES: tuple[Rule, ...] = (
    *operation_rules.RULES,
    *name_rules.RULES,
    *record_rules.RULES,
    *schema_rules.RULES,
    *task_rules.RULES,
    *async_rules.RULES,
    *event_rules.RULES,
)


def problems(bundle: dict[str, Any]) -> list[str]:
    """Return a sentence for each breach of a law."""
    return [problem for rule in RULES for problem in rule(bundle)]
