"""A destination that failed five times in a row is left alone for 30 seconds; then one call finds out."""

import asyncio

import pytest

from accord.outbound.breaker import FAILURES, OPEN_SECONDS, Breaker, CircuitOpen, states


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock) -> Breaker:
    return Breaker("test", "the server", clock)


def fail(breaker: Breaker, times: int = FAILURES) -> None:
    for _ in range(times):
        with pytest.raises(ConnectionError), breaker.call(ConnectionError):
            raise ConnectionError


def test_five_failures_in_a_row_open_it_and_nothing_goes_out(breaker):
    fail(breaker, FAILURES - 1)
    assert breaker.state == "closed"
    fail(breaker, 1)

    with pytest.raises(CircuitOpen) as left_alone, breaker.call():
        pytest.fail("A call went out.")

    assert (breaker.state, left_alone.value.seconds) == ("open", OPEN_SECONDS)


def test_a_success_and_any_other_error_between_failures_keep_it_closed(breaker):
    fail(breaker, FAILURES - 1)
    with breaker.call(ConnectionError):
        pass
    fail(breaker, FAILURES - 1)
    with pytest.raises(ValueError, match="its own"), breaker.call(ConnectionError):
        raise ValueError("its own")
    fail(breaker, FAILURES - 1)

    assert breaker.state == "closed"


def test_after_30_seconds_one_call_finds_out_and_the_others_wait(breaker, clock):
    fail(breaker)
    clock.now += OPEN_SECONDS
    assert breaker.state == "half-open"

    with breaker.call(ConnectionError):
        with pytest.raises(CircuitOpen) as waits, breaker.call(ConnectionError):
            pytest.fail("A second call went out.")
        assert waits.value.seconds == 1

    assert breaker.state == "closed"
    with breaker.call(ConnectionError):
        pass


def test_a_probe_that_fails_opens_it_again(breaker, clock):
    fail(breaker)
    clock.now += OPEN_SECONDS
    fail(breaker, 1)
    clock.now += OPEN_SECONDS - 1

    assert breaker.state == "open"


def test_a_probe_that_is_cancelled_shows_nothing_and_lets_the_next_one_out(breaker, clock):
    fail(breaker)
    clock.now += OPEN_SECONDS
    with pytest.raises(asyncio.CancelledError), breaker.call(ConnectionError):
        raise asyncio.CancelledError

    assert breaker.state == "half-open"
    with breaker.call(ConnectionError):
        pass
    assert breaker.state == "closed"


def test_the_metrics_count_the_breakers_of_each_kind_by_state(clock):
    kept = [Breaker("counted", "one", clock), Breaker("counted", "another", clock)]
    fail(kept[0])

    found = {state: count for (kind, state), count in states().items() if kind == "counted"}

    assert found == {"open": 1, "closed": 1}
