"""Every pattern stays fast on text that almost fits, in the engine that backtracks."""

import re
import time
from collections.abc import Iterator
from itertools import permutations

from accord.contract.laws.document import Json, schemas

LONGEST = 50_000
SLOWEST = 0.05
GROWTH = 1.25
SPOILER = "\x00"

_class = re.compile(r"\[(\^?)((?:\\.|[^\]\\])+)\]|\\u([0-9a-fA-F]{4})|\\(.)|([^\\\[\](){}*+?|^$.])")


def is_fast_on_near_misses(bundle: Json) -> Iterator[str]:
    """C-4: under 50 ms on 50,000 characters."""
    seen: dict[str, str] = {}
    for where, schema in schemas(bundle):
        if "pattern" in schema:
            seen.setdefault(schema["pattern"], where)
    for pattern, where in seen.items():
        if length := _slow_at(pattern):
            slow = f"takes over {SLOWEST * 1000:.0f} ms on {length} characters"
            yield f"{where}: the pattern {slow}; let no two of its repeats overlap."


def _slow_at(pattern: str) -> int | None:
    """Return the length at which a near miss is slow; lengths grow slowly, so that 2^n is noticed early."""
    compiled = re.compile(pattern)
    units = _units(pattern)
    length = 16.0
    while length < LONGEST:
        length = min(length * GROWTH, LONGEST)
        for unit in units:
            text = (unit * (int(length) // len(unit) + 1))[: int(length)] + SPOILER
            started = time.perf_counter()
            compiled.search(text)
            if time.perf_counter() - started > SLOWEST and _again(compiled, text):
                return int(length)
    return None


def _again(compiled: re.Pattern[str], text: str) -> bool:
    """Say whether it is slow a second time too, on a machine that may be busy."""
    started = time.thread_time()
    compiled.search(text)
    return time.thread_time() - started > SLOWEST


def _units(pattern: str) -> list[str]:
    """Return what to repeat: a character of each class in the pattern, and each pair of them."""
    characters = dict.fromkeys(c for match in _class.finditer(pattern) for c in _members(match))
    kept = list(characters)[:8] or ["a"]
    return [*kept, *(a + b for a, b in permutations(kept[:5], 2))]


def _members(match: re.Match[str]) -> str:
    """Return one or two characters that a part of the pattern fits."""
    negated, inside, escape, quoted, plain = match.groups()
    if inside is None:
        return chr(int(escape, 16)) if escape else quoted or plain
    fits = re.compile(f"[{negated}{inside}]").fullmatch
    return "".join(c for c in "a0A ._-@/,~é" if fits(c))[:2]


RULES = (is_fast_on_near_misses,)
