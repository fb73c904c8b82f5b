"""`accord contract lint`: the laws that every start checks, and the rules that take too long for a start."""

from typing import Any

from accord.contract import laws
from accord.contract.tools.lint import example_rules, pattern_rules

SLOW_RULES: tuple[laws.Rule, ...] = (*example_rules.RULES, *pattern_rules.RULES)


def problems(bundle: dict[str, Any]) -> list[str]:
    """Return a sentence for each breach of a law or a rule; the slow rules run on a sound document only."""
    return laws.problems(bundle) or [problem for rule in SLOW_RULES for problem in rule(bundle)]
