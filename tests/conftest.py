"""One service for all tests, in the transport that FLOW_TRANSPORT names; every test makes its own accounts."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from given import Given
from running import Service


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """The running service, with its root account."""
    # Not below pytest's own folder: a second run by root closes that to PostgreSQL's account while it is in use.
    with tempfile.TemporaryDirectory(prefix="accord-tests-") as folder:
        running = Service(Path(folder), os.environ.get("FLOW_TRANSPORT", "local"))
        try:
            running.seed_root()
            yield running.start()
        finally:
            running.stop()


@pytest.fixture
async def given(service: Service) -> AsyncIterator[Given]:
    """What a test starts from."""
    async with AsyncExitStack() as stack:
        yield Given(service, stack)
