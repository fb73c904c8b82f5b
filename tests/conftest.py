"""One service for all tests, in the transport that FLOW_TRANSPORT names; every test makes its own accounts."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import documented_responses
import pytest
from given import Given
from mail_server import certificate
from processes import beside
from running import Service

# A shell has what it starts in the background ignore Ctrl-C, and so would every process that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make what a test of hostile input printed fit to be sent from one process of pytest to another."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what one of several processes of pytest has seen of the contract."""
    documented_responses.SEEN.update(map(tuple, getattr(node, "workeroutput", {}).get("responses", ())))


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Fail a whole run in which no test produced a response that the contract documents."""
    yield
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["responses"] = sorted(documented_responses.SEEN)
        return
    chosen = [config.getoption(name, None) for name in ("keyword", "ignore", "lf", "collectonly", "maxfail")]
    is_whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not any(chosen)
    if is_whole and (complaints := documented_responses.complaints()):
        config.get_terminal_writer().line("\n" + "\n".join(complaints), red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


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


@pytest.fixture
def until() -> Callable[..., Awaitable[Any]]:
    """`await until(look, is_there)` looks again and again until what it sees is there."""

    async def look_again(look: Callable[[], Awaitable[Any]], is_there: Callable[[Any], object]) -> Any:
        pause = 0.02
        async with asyncio.timeout(60):
            while not is_there(seen := await look()):
                await asyncio.sleep(pause)
                pause = min(pause * 1.1, 1.0)  # So that looking for long does not use up a rate limit.
        return seen

    return look_again


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


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine with its key, for an SMTP server."""
    return certificate(tmp_path_factory.mktemp("smtp"))
