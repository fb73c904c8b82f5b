"""The buckets that the contract's `x-rate-limit` names; each has a setting, such as RATE_LIMIT_LOGIN for `login`."""

BUCKETS = ("login", "register", "refresh", "forgotPassword")
