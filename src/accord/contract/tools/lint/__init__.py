"""The laws of the contract, as small rules over the bundle. Each message says where and what to do.

A rule is a function from the bundle to sentences; adding one is writing it into one of the rule modules.
"""

from collections.abc import Callable, Iterator
from typing import Any

from accord.contract.tools.lint import (
    example_rules,
    name_rules,
    operation_rules,
    pattern_rules,
    record_rules,
    schema_rules,
)

Rule = Callable[[dict[str, Any]], Iterator[str]]

RULES: tuple[Rule, ...] = (
    *operation_rules.RULES,
    *name_rules.RULES,
    *record_rules.RULES,
    *schema_rules.RULES,
)
SLOW_RULES: tuple[Rule, ...] = (*example_rules.RULES, *pattern_rules.RULES)


def problems(bundle: dict[str, Any]) -> list[str]:
    """Return what breaks a law, by the rules cheap enough for every start."""
    return [problem for rule in RULES for problem in rule(bundle)]


def all_problems(bundle: dict[str, Any]) -> list[str]:
    """Return what breaks a law, by every rule; the slow ones only when the document is sound."""
    return problems(bundle) or [problem for rule in SLOW_RULES for problem in rule(bundle)]
