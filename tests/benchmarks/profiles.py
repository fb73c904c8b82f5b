"""Profiles: the functions of Accord that take the time of a request or a job, for a row whose aim was missed.

The profiler slows every call down, so its microseconds compare functions with each other, and not with the table.
"""

import pstats
from pathlib import Path
from typing import Any

SHOWN = 25
"""Functions in a profile."""
Stats = dict[tuple[str, int, str], tuple[int, int, float, float, Any]]
"""Calls, microseconds and callers by file, line and name."""
PER_REQUEST = 0.9
"""Calls per request from which on a function belongs to requests; the start calls most functions more seldom."""
_ONCE = (
    ("edge/pipeline/compiled_edge.py", "note"),
    ("queue/ending.py", "complete"),
    ("journal/entries.py", "append"),
    ("database/connection.py", "_leave_pipeline"),
)
"""Functions that are called once for each request, job, commit or round trip: the first that was called counts.

None is a coroutine, of which the profiler counts each resumption as a call.
"""


def table(file: Path) -> str:
    """Return a table of the functions with the most time of their own: microseconds and calls per request."""
    # The type stubs do not know `stats`.
    stats: Stats = vars(pstats.Stats(str(file)))["stats"]
    requests = next(filter(None, (_calls(stats, once) for once in _ONCE)))
    rows = [
        (own / requests * 1e6, calls / requests, f"{_short(path)} {name}".strip())
        for (path, _, name), (_, calls, own, _, _) in stats.items()
        if calls >= requests * PER_REQUEST
    ]
    top = sorted(rows, reverse=True)[:SHOWN]
    total = sum(own for own, _, _ in rows)
    head = ["| µs of its own | part | calls | function |", "| ---: | ---: | ---: | --- |"]
    lines = (f"| {own:.2f} | {own / total:.0%} | {calls:.1f} | {name} |" for own, calls, name in top)
    return "\n".join([*head, *lines])


def _calls(stats: Stats, function: tuple[str, str]) -> int:
    return sum(calls for (path, _, name), (_, calls, *_) in stats.items() if (_short(path), name) == function)


def _short(path: str) -> str:
    for folder in ("/src/accord/", "/site-packages/", "/lib/python"):
        if folder in path:
            return path.rpartition(folder)[2]
    return path.replace("~", "")
