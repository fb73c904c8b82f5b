import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from given import Given
from system.faults.deployment import Deployment


@pytest.fixture(scope="package")
def deployment() -> Iterator[Deployment]:
    """A running service that tests of this folder do harm to; each leaves it whole."""
    # Not below pytest's own folder: a second run by root closes that to PostgreSQL's account, which is to start again.
    with tempfile.TemporaryDirectory(prefix="accord-tests-") as folder:
        running = Deployment(Path(folder))
        try:
            running.seed_root()
            running.start()
            yield running
        finally:
            running.stop()


@pytest.fixture
async def given(deployment: Deployment) -> AsyncIterator[Given]:
    """Accounts of that service."""
    async with AsyncExitStack() as stack:
        yield Given(deployment, stack)
