from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
from faults.deployment import Deployment
from given import Given


@pytest.fixture(scope="package")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A running service that tests of this folder do harm to; each leaves it whole."""
    running = Deployment(tmp_path_factory.mktemp("faults"))
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
