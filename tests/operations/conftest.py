from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from operations.processes import beside
from running import Service


@pytest.fixture
def another(service: Service, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Makes services whose processes share the servers, accounts and keys of the one that all tests use."""
    made: list[Service] = []

    def make(**environment: str) -> Service:
        made.append(beside(service, tmp_path / f"another-{len(made)}", **environment))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Service]]:
    """Makes services with an empty data folder of their own."""
    made: list[Service] = []

    def make(**environment: str) -> Service:
        made.append(Service(tmp_path_factory.mktemp("alone"), **environment))
        return made[-1]

    yield make
    for one in made:
        one.stop()
