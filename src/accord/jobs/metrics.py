"""Prometheus metrics of the runner and of schedules (O-5)."""

from prometheus_client import Counter, Histogram

attempts = Counter("accord_job_attempts", "Attempts that ended, by task and outcome.", ["task", "outcome"])
run_time = Histogram(
    "accord_job_seconds",
    "Time that an attempt took, with its commit, by task.",
    ["task"],
    buckets=(0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300),
)
start_lag = Histogram(
    "accord_job_start_lag_seconds",
    "Time from when a job could run until its attempt began, by queue.",
    ["queue"],
    buckets=(0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600),
)
leases_lost = Counter("accord_job_leases_lost", "Attempts that lost their lease before they ended.")
skipped = Counter("accord_schedules_skipped", "Due times without a job, as the job before had not ended.", ["task"])
