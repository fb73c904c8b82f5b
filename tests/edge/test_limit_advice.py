"""Who tries the service out is told how to go on, and nobody else is told how it is set up."""

import pytest

from accord.api.limits import Limits
from accord.problems import RateLimitExceeded
from accord.settings import Rate, load


def refusal(environment):
    settings = load({"ENV": environment}, rate_limit_live=Rate(1, 60))
    limits = Limits(settings, database=None)
    limits.connection("somebody")
    with pytest.raises(RateLimitExceeded) as refused:
        limits.connection("somebody")
    return refused.value.detail


def test_in_development_the_refusal_says_how_to_turn_limits_off():
    assert "RATE_LIMIT_ENABLED=false" in refusal("development")


def test_elsewhere_it_does_not():
    assert "RATE_LIMIT" not in refusal("test")
