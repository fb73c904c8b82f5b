"""One service for all tests, in the transport that FLOW_TRANSPORT names; every test makes its own accounts."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
from given import Given
from service import Service


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The running service, with its root account."""
    running = Service(tmp_path_factory.mktemp("service"), os.environ.get("FLOW_TRANSPORT", "local"))
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
