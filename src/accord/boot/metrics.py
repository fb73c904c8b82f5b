"""The metrics of the boot (O-5)."""

from prometheus_client import Counter

restarts = Counter(
    "accord_background_restarts", "Background tasks that an error ended and that started again.", ["task"]
)
