"""A second process of the shared service: what one does must count in the other."""

from collections.abc import Iterator

import pytest
from running import Service


@pytest.fixture(scope="session")
def second_url(service: Service) -> Iterator[str]:
    role = "gateway" if service.transport == "nats" else "serve"
    program = service.run_beside("second-server", role, "--port", "0")
    yield program.wait_for(r"listens on (\S+)")
    program.stop()
