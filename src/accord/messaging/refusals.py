"""What is not believed on NATS: it is dropped, counted, and told in the log now and then.

Whoever may publish can send as much of it as he likes, so a line for each would bury everything else.
"""

import time
from collections import Counter

from accord.telemetry import logs

refused: Counter[str] = Counter()
"""How many messages were dropped, by kind; the metrics read it."""
_QUIET = 10.0
"""Seconds between two lines about one kind."""
_told: dict[str, float] = {}


def refuse(kind: str, reason: str) -> None:
    """Count a message that is dropped: a `request`, an `answer`, a `beat` of a worker, or a `part` of something."""
    refused[kind] += 1
    now = time.monotonic()
    if now - _told.get(kind, -_QUIET) >= _QUIET:
        _told[kind] = now
        logs.warning("A message on NATS was refused.", kind=kind, reason=reason, so_far=refused[kind])
