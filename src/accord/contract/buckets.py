"""The buckets that the contract's `x-rate-limit` names; each has a setting, such as RATE_LIMIT_LOGIN for `login`."""

from accord.contract.names import snake_case

BUCKETS = ("login", "register", "refresh", "forgotPassword")


def setting_of(bucket: str) -> str:
    """Return the name of a bucket's setting; the start checks that every bucket has one."""
    return f"rate_limit_{snake_case(bucket)}"
