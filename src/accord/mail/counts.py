"""How many mails came to which end; the metrics read this, and no worker needs Prometheus for it."""

from collections import Counter

outcomes: Counter[str] = Counter(dict.fromkeys(("sent", "kept", "failed", "refused", "held"), 0))
"""`kept` in the inbox of development, `failed` and tried again, `refused` for good, `held` by an open breaker."""
