"""Prometheus metrics of schedules (O-5)."""

from prometheus_client import Counter

skipped = Counter("accord_schedules_skipped", "Due times without a job, as the job before had not ended.", ["task"])
