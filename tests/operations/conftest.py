import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
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
def alone() -> Iterator[Callable[..., Service]]:
    """Makes services with an empty data folder of their own."""
    with ExitStack() as stack:

        def make(**environment: str) -> Service:
            # Not below pytest's own folder: a second run by root closes that to PostgreSQL's account.
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="accord-alone-"))
            service = Service(Path(folder), **environment)
            stack.callback(service.stop)
            return service

        yield make
