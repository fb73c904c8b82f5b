"""I-8: whatever is in a body of a mebibyte, refusing it holds nobody up."""

import gc
import time

import pytest
from contract_operations import NAMED, WITH_BODY
from worst_bodies import LIMIT, worst_bodies

from accord.contract.validators import MAX_ERRORS
from accord.edge.pipeline.body import JsonBody
from accord.problems import ValidationFailed

SECONDS_LIMIT = 0.05
"""Seconds of this thread's own time."""
TRIES = 25
"""One of them within the time is enough: whatever else a machine does adds to it, and nothing takes from it."""


@pytest.fixture(scope="module", autouse=True)
def _collected_as_in_the_service():
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def refused(body: JsonBody, text: bytes) -> tuple[list[dict[str, str]], float]:
    """Return the errors and how long they took; more than the best of several is the machine's."""
    errors, best = [], 1e9
    for _ in range(TRIES):
        started = time.thread_time()
        try:
            errors = body.parse(text)[1]
        except ValidationFailed as problem:
            errors = problem.extra["errors"]
        best = min(best, time.thread_time() - started)
        if best < SECONDS_LIMIT:
            break
    return errors, best


@pytest.mark.parametrize("operation", WITH_BODY, **NAMED)
def test_the_worst_body_of_each_operation_takes_less_than_50_ms(operation):
    body = JsonBody(operation.body_schema)

    for what, text in worst_bodies(operation):
        assert len(text) <= LIMIT, what
        errors, took = refused(body, text)

        assert 0 < len(errors) <= MAX_ERRORS, what
        assert all(len(error["field"]) < 500 and len(error["message"]) < 500 for error in errors), what
        assert took < SECONDS_LIMIT, f"{what}: {took * 1000:.0f} ms"
