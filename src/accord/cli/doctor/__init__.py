"""`accord doctor`: looks at everything a deployment needs and says what to change (O-10).

It starts nothing and changes nothing. What is away is a finding like any other.
"""

import argparse
import sys
from collections.abc import AsyncIterator

from accord.cli import startup
from accord.cli.doctor import configuration, database, mail, messaging
from accord.cli.doctor.finding import Finding
from accord.embedded.nats import EmbeddedNats
from accord.embedded.postgres import EmbeddedPostgres
from accord.embedded.server import EmbeddedServer
from accord.settings import Settings
from accord.telemetry import logs


def define(command: argparse.ArgumentParser) -> None:
    """Add the options."""
    command.set_defaults(run=_run)
    startup.add_data_dir(command)


def _run(chosen: argparse.Namespace) -> int:
    return startup.run(examine(startup.load_settings(chosen)))


async def examine(settings: Settings) -> int:
    """Print every finding as it is made; return 1 when something does not work."""
    works = True
    async for finding in _findings(settings):
        sys.stdout.write(f"{finding}\n")
        sys.stdout.flush()
        works = works and finding.works
    return 0 if works else 1


async def _findings(settings: Settings) -> AsyncIterator[Finding]:
    for finding in configuration.findings(settings):
        yield finding
    for subject, configured, server, look in (
        ("database", settings.database_url, EmbeddedPostgres, database.findings),
        ("messaging", settings.nats_url, EmbeddedNats, messaging.findings),
    ):
        url = _running(settings, server) if configured is None else configured.get_secret_value()
        if url is None:
            yield Finding(subject, f"the embedded {server.title} is not running; `accord serve` starts it")
            continue
        try:
            async for finding in look(url, settings):
                yield finding
        except Exception as error:  # noqa: BLE001 - whatever it is, the other findings are wanted, too
            logs.exception("The doctor failed.", error, subject=subject)
            yield Finding(subject, f"cannot be looked at: {type(error).__name__}", "The log says why", works=False)
    yield await mail.finding(settings)


def _running(settings: Settings, server: type[EmbeddedServer]) -> str | None:
    """Return the address of an embedded server that runs already."""
    if not (settings.data_dir / server.name / "url").exists():
        return None
    found = server(settings.data_dir)
    return found.url if found.alive() else None
