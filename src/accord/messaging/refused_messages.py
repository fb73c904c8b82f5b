"""Messages on NATS that fail verification are dropped, counted, and logged at most every 10 seconds for each kind.

A publisher without the key can send any number of such messages, so a line for each would bury all others.
"""

import time
from collections import Counter

from accord.telemetry import logs

refused: Counter[str] = Counter()
"""How many messages were dropped, by kind; the metrics read this counter."""
_QUIET = 10.0
"""Seconds between two lines about one kind."""
_told: dict[str, float] = {}


def refuse(kind: str, reason: str) -> None:
    """Count a dropped message; its kind is `request`, `response`, `heartbeat` or `part` (of a large message)."""
    refused[kind] += 1
    now = time.monotonic()
    if now - _told.get(kind, -_QUIET) >= _QUIET:
        _told[kind] = now
        logs.warning("A message on NATS was refused.", kind=kind, reason=reason, so_far=refused[kind])
